/** Somebody who has good tokens, asks with one at a time, and notes how long each answer takes. */
import { openConnection } from './connection';
import type { Stand } from './stand';

export interface User {
  /** Complains unless the answer is 200 and from this source. Resolves to milliseconds. */
  ask(token: string, expectedSource: 'memory' | 'identity-service'): Promise<number>;
  /** Asks with a token that nobody knows. */
  askNew(): Promise<number>;
  leave(): void;
}

export interface Waits {
  readonly count: number;
  readonly medianMs: number;
  readonly maxMs: number;
}

const NO_ANSWER_MS = 10_000;

export function createUser(stand: Stand, complaints: string[]): User {
  const connection = openConnection(stand.port);
  async function ask(token: string, expectedSource: string): Promise<number> {
    const startedAtMs = performance.now();
    connection.write(whoami(token));
    const answer = await connection.read(NO_ANSWER_MS);
    const elapsedMs = performance.now() - startedAtMs;
    if (answer === undefined) throw new Error('A good token is not answered.');
    const body = answer.status === 200 ? (JSON.parse(answer.body) as { validation: { source: string } }) : undefined;
    const seen = body?.validation.source ?? answer.status;
    if (seen !== expectedSource) complaints.push(`a good token was answered ${seen}, not from ${expectedSource}`);
    return elapsedMs;
  }
  return {
    ask,
    askNew: () => ask(stand.mint(), 'identity-service'),
    leave: () => connection.close(),
  };
}

export function whoami(token: string): string {
  return `GET /api/whoami HTTP/1.1\r\nHost: attacked\r\nAuthorization: Bearer ${token}\r\n\r\n`;
}

export function summarize(waitsMs: readonly number[]): Waits {
  const sorted = [...waitsMs].sort((a, b) => a - b);
  return { count: sorted.length, medianMs: sorted[Math.floor(sorted.length / 2)] ?? 0, maxMs: sorted.at(-1) ?? 0 };
}
