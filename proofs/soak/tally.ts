/** Counts what was answered, how fast, and what was wrong with it. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** Each check, by the wrong answer that it looks for. */
export const checks = {
  identity: "another user's identity",
  note: "another user's note, or another note than was placed",
  accepted: 'a junk, expired or foreign token accepted',
  refused: 'a good token refused',
  bug: 'a 500',
  lost: 'a note acknowledged that is not there',
  twice: 'a note that is there twice',
  repeat: 'a repeat that is answered with another note',
  unexplained: 'a status that no fault explains',
  late: 'an answer too late',
  noRetryAfter: 'a 503 without Retry-After',
  silent: 'no answer at all',
  calls: 'a call of the identity service that no token explains',
} as const;

export type Check = keyof typeof checks;

export interface Tally {
  readonly requests: number;
  readonly wrongAnswers: number;
  /** By status and code. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** In microseconds, by the kind of request. */
  readonly times: ReadonlyMap<string, RecordableHistogram>;
  readonly wrong: ReadonlyMap<Check, number>;
  /** The first of each check, in words. */
  readonly examples: readonly string[];
  count(kind: string, outcome: string, elapsedMs: number): void;
  /** @param what without a token, a name or a number */
  complain(check: Check, what: string): void;
}

const EXAMPLES_EACH = 5;

export function createTally(): Tally {
  const startedAtMs = performance.now();
  const outcomes = new Map<string, number>();
  const times = new Map<string, RecordableHistogram>();
  const wrong = new Map<Check, number>();
  const examples: string[] = [];
  let requests = 0;
  let wrongAnswers = 0;
  return {
    outcomes,
    times,
    wrong,
    examples,
    get requests() {
      return requests;
    },
    get wrongAnswers() {
      return wrongAnswers;
    },
    count(kind, outcome, elapsedMs) {
      requests += 1;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      const histogram = times.get(kind) ?? createHistogram();
      histogram.record(Math.max(1, Math.round(elapsedMs * 1_000)));
      times.set(kind, histogram);
    },
    complain(check, what) {
      wrongAnswers += 1;
      const before = wrong.get(check) ?? 0;
      wrong.set(check, before + 1);
      const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
      if (before < EXAMPLES_EACH) examples.push(`${checks[check]}, after ${seconds} s: ${what}`);
    },
  };
}
