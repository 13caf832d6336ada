/** Somebody who has good tokens, asks with one at a time, and notes how long each answer takes. */
import { openConnection } from './connection';
import type { Stand } from './stand';

export interface User {
  /** Complains unless the answer is a 200 from this source, or of this status. */
  ask(token: string, ...expected: ('memory' | 'identity-service' | 503)[]): Promise<Answered>;
  leave(): void;
}

export interface Answered {
  readonly ms: number;
  readonly isServed: boolean;
}

/** Of those that were served the median, of all the longest. */
export interface Waits {
  readonly count: number;
  readonly served: number;
  readonly medianMs: number;
  readonly maxMs: number;
}

const NO_ANSWER_MS = 10_000;

export function createUser(stand: Stand, complaints: string[]): User {
  const connection = openConnection(stand.port);
  return {
    async ask(token, ...expected) {
      const startedAtMs = performance.now();
      connection.write(whoami(token));
      const answer = await connection.read(NO_ANSWER_MS);
      const ms = performance.now() - startedAtMs;
      if (answer === undefined) throw new Error('A good token is not answered.');
      const isServed = answer.status === 200;
      const { source } = isServed ? (JSON.parse(answer.body) as { validation: { source: string } }).validation : {};
      const seen = source ?? answer.status;
      if (!expected.some((one) => one === seen)) complaints.push(`a good token was answered ${seen}, not ${expected}`);
      return { ms, isServed };
    },
    leave: () => connection.close(),
  };
}

export function whoami(token: string): string {
  return `GET /api/whoami HTTP/1.1\r\nHost: attacked\r\nAuthorization: Bearer ${token}\r\n\r\n`;
}

export function summarize(answers: readonly Answered[]): Waits {
  const served = answers.filter(({ isServed }) => isServed).map(({ ms }) => ms);
  const sorted = served.sort((a, b) => a - b);
  const maxMs = Math.max(...answers.map(({ ms }) => ms));
  return { count: answers.length, served: served.length, medianMs: sorted[Math.floor(sorted.length / 2)] ?? 0, maxMs };
}
