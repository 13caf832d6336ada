/** Tokens that nobody minted, and who sends them. */
import { jwtWith } from '../../test/harness/tokens';
import { findCanaries, JUNK_BEGINNING } from './canaries';
import { openConnection } from './connection';
import type { Stand } from './stand';
import { whoami } from './user';

export interface JunkSort {
  readonly name: string;
  /** Another one for each `n`. */
  readonly token: (n: number) => string;
  /** Of the 16 calls at a time. */
  readonly roomForOthers: number;
  /** How many times as long as without a flood a new user may wait. By the number of turns it is 1, and 5; but machines are busy. */
  readonly mostRatio: number;
}

export const junkSorts: readonly JunkSort[] = [
  {
    name: 'no JWT', // which the provider does not recognize
    token: (n) => `${JUNK_BEGINNING}${n}`,
    roomForOthers: 8,
    mostRatio: 5,
  },
  {
    name: 'JWT', // of the form of a good one: only the identity service can tell
    token: (n) => jwtWith({ jti: `${JUNK_BEGINNING}${n}`, exp: Math.floor(Date.now() / 1_000) + 1_800 }),
    roomForOthers: 0,
    mostRatio: 12,
  },
];

const SENDERS = 64;
const NO_ANSWER_MS = 10_000;

export interface Flood {
  readonly isOver: boolean;
  /** Resolves when every token has been answered. */
  readonly over: Promise<unknown>;
}

export interface Junk {
  readonly sort: JunkSort;
  /** The tokens from `first` to before `end`. */
  readonly first: number;
  readonly end: number;
  /** Whether 503 is an answer to them, too. */
  readonly mayBeRefused: boolean;
}

/** Sends the tokens 64 at a time, each once. */
export function startFlood(stand: Stand, { sort, first, end, mayBeRefused }: Junk, complaints: string[]): Flood {
  let next = first;
  async function send(): Promise<void> {
    const connection = openConnection(stand.port);
    while (next < end) {
      connection.write(whoami(sort.token(next++)));
      const answer = await connection.read(NO_ANSWER_MS);
      if (answer === undefined) throw new Error('Junk is not answered.');
      const isExpected = answer.status === 401 || (mayBeRefused && answer.status === 503);
      if (!isExpected) complaints.push(`junk, ${sort.name}, was answered ${answer.status}`);
      for (const canary of findCanaries(answer.body, stand)) complaints.push(`an error tells ${canary}`);
    }
    connection.close();
  }
  const over = Promise.all(Array.from({ length: SENDERS }, send));
  over.catch(() => {}); // who waits for it, later, is told
  return {
    get isOver() {
      return next >= end;
    },
    over,
  };
}
