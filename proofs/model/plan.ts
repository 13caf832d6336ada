/** What may happen in one sequence: who calls, when, and how the service, the table and the clocks behave. */
import fc from 'fast-check';
import { jwtWith } from '../../test/harness/tokens';

export const START_MS = Date.UTC(2026, 0, 1);
export const SECRET = 'model-secret-model-secret-model-secret';
/** Instances that ask different services share the table as well. */
export const SERVICES = ['https://one.example/v1/users/me', 'https://two.example/v1/users/me'] as const;

/**
 * The first two begin alike, and their keys at the first service have the same first 8 digits (found by a search), so
 * that shortening a token or a key mixes them up. The last six do not have the provider's form.
 */
export const TOKENS: readonly string[] = [
  'opaque-token-with-one-long-beginning-42926',
  'opaque-token-with-one-long-beginning-76081',
  jwtWith({ exp: START_MS / 1000 + 3.25 }),
  jwtWith({ exp: START_MS / 1000 + 1_200 }),
  ...['four', 'five', 'six', 'seven'].map((name) => `opaque-token-${name}`),
  ...['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `junk-token-${name}`),
];
const FIRST_JUNK = 8;
const WELL_FORMED = Array.from({ length: FIRST_JUNK }, (_, token) => token);
const JUNK = Array.from({ length: TOKENS.length - FIRST_JUNK }, (_, token) => FIRST_JUNK + token);

export const TOKEN_EXPIRES_AT_MS: readonly number[] = TOKENS.map(
  (_, token) =>
    new Map([
      [2, START_MS + 3_250],
      [3, START_MS + 1_200_000],
    ]).get(token) ?? Number.POSITIVE_INFINITY,
);

export function isWellFormed(token: number): boolean {
  return token < FIRST_JUNK;
}

export type Step =
  /** All come in the same moment. If the first caller `leaves`, it is gone before the answer comes. */
  | {
      readonly do: 'call';
      readonly instance: number;
      readonly token: number;
      readonly callers: number;
      readonly leaves: boolean;
    }
  /** Each of these tokens is sent once, in the same moment. */
  | { readonly do: 'crowd'; readonly instance: number; readonly tokens: readonly number[] }
  | { readonly do: 'advance'; readonly ms: number }
  /** To a moment at which something ends, or to 1 ms before or after it. */
  | { readonly do: 'edge'; readonly which: number; readonly offsetMs: number }
  /** The event loop is blocked for so long: timers fire late. */
  | { readonly do: 'block'; readonly ms: number }
  /** Someone sets the wall clock of an instance; the monotonic clock does not notice. */
  | { readonly do: 'turn'; readonly instance: number; readonly ms: number }
  /** The machine sleeps: all wall clocks are ahead when it wakes up, and the monotonic clock has stood still. */
  | { readonly do: 'sleep'; readonly ms: number }
  /** From now on the service answers like this; without an answer, as the plan's list says. */
  | { readonly do: 'service'; readonly answer?: Answer | undefined }
  /** From now on all operations of the table fail like this; without a fault, as the plan's lists say. */
  | { readonly do: 'table'; readonly fault?: 'fails' | 'never' | undefined };

type Failure = 'server_error' | 'unreachable' | 'unexpected_answer' | 'throttled';

export type Answer =
  /** `lifeMs`: the service itself says how long its verdict may live. */
  | { readonly kind: 'valid'; readonly lifeMs?: number }
  | { readonly kind: 'rejected'; readonly cacheable: boolean }
  /** `pooled`: only a call on a connection from the pool fails like this; a new connection works. */
  | {
      readonly kind: 'unavailable';
      readonly cause: Failure;
      readonly retryAfterSeconds?: number;
      readonly pooled?: boolean;
    }
  | { readonly kind: 'never'; readonly pooled?: boolean };

/** `swapped`: another key's row. `replayed`: the first row that this key ever had. `corrupt`: one byte is changed. */
export type ReadFault = 'none' | 'fails' | 'never' | 'swapped' | 'replayed' | 'corrupt';
/** `fails-late`: the row is written, and the answer that says so is lost. */
export type WriteFault = 'none' | 'fails' | 'fails-late' | 'never';

export interface InstancePlan {
  readonly service: 0 | 1;
  readonly ttlMs: number;
  /** How far its clock is from true time when it starts. */
  readonly skewMs: number;
  readonly maxEntries: number;
}

export interface Plan {
  readonly instances: readonly InstancePlan[];
  readonly steps: readonly Step[];
  /** Each list is used in turn, and then from its beginning again. */
  readonly answers: readonly Answer[];
  readonly reads: readonly ReadFault[];
  readonly writes: readonly WriteFault[];
  /** How many turns of the promise queue pass between two events. */
  readonly pauses: readonly number[];
}

const HOUR_MS = 3_600_000;

const instance = fc.record<InstancePlan>({
  service: fc.constantFrom<0 | 1>(0, 0, 0, 1),
  ttlMs: fc.constantFrom(1_800_000, 1_000, 60_000),
  skewMs: fc.constantFrom(0, 0, 2_000, -2_000),
  maxEntries: fc.constantFrom(10_000, 10_000, 1),
});

const MOMENTS_MS = [
  0,
  1,
  49,
  50,
  150,
  249,
  250,
  999,
  1_000,
  1_199,
  1_200,
  2_449,
  2_450,
  2_699,
  2_700,
  4_999,
  5_000,
  9_999,
  10_000,
  60_000,
  HOUR_MS,
];

const anyInstance = fc.constantFrom(0, 0, 0, 1, 2);

const answer: fc.Arbitrary<Answer> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Answer>({ kind: 'valid' }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(5_000, 500, 1, 0, HOUR_MS).map((lifeMs): Answer => ({ kind: 'valid', lifeMs })),
  },
  { weight: 3, arbitrary: fc.constant<Answer>({ kind: 'rejected', cacheable: true }) },
  { weight: 1, arbitrary: fc.constant<Answer>({ kind: 'rejected', cacheable: false }) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom<Failure>('server_error', 'unreachable', 'unexpected_answer', 'throttled')
      .map((cause): Answer => ({ kind: 'unavailable', cause })),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Answer>({ kind: 'unavailable', cause: 'server_error', retryAfterSeconds: 3_600 }),
  },
  { weight: 1, arbitrary: fc.constant<Answer>({ kind: 'unavailable', cause: 'unreachable', pooled: true }) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(1, 7, 90, 3_600)
      .map((retryAfterSeconds): Answer => ({ kind: 'unavailable', cause: 'throttled', retryAfterSeconds })),
  },
  { weight: 1, arbitrary: fc.boolean().map((pooled): Answer => ({ kind: 'never', pooled })) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      // Most calls meet: same instance, same token.
      instance: anyInstance,
      token: fc.constantFrom(0, 0, 0, 0, 1, 2, 3, 4, FIRST_JUNK),
      callers: fc.constantFrom(1, 1, 2),
      leaves: fc.constantFrom(false, false, false, true),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('crowd' as const),
      instance: anyInstance,
      tokens: fc.constantFrom(WELL_FORMED, WELL_FORMED.slice(3), JUNK, WELL_FORMED.slice(0, 4)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(...MOMENTS_MS) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('edge' as const), which: fc.nat(3), offsetMs: fc.constantFrom(0, -1, 1) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('block' as const), ms: fc.constantFrom(30, 299, 300, 5_000) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('turn' as const),
      instance: anyInstance,
      ms: fc.constantFrom(-1_000, 1_000, -HOUR_MS, HOUR_MS, -HOUR_MS, HOUR_MS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sleep' as const), ms: fc.constantFrom(900, 60_000, HOUR_MS) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('service' as const),
      answer: fc.option(answer, { nil: undefined, freq: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('table' as const),
      fault: fc.constantFrom('fails' as const, 'never' as const, 'never' as const, undefined, undefined),
    }),
  },
);

const mostly = <T extends string>(usual: T, ...faults: T[]) =>
  fc.oneof({ weight: 2 * faults.length, arbitrary: fc.constant(usual) }, ...faults.map((fault) => fc.constant(fault)));

const upTo = <T>(maxLength: number, arbitrary: fc.Arbitrary<T>) =>
  fc.array(arbitrary, { minLength: 1, maxLength, size: 'max' });

export const plans: fc.Arbitrary<Plan> = fc.record<Plan>({
  instances: fc.array(instance, { minLength: 3, maxLength: 3 }),
  steps: upTo(25, step),
  answers: upTo(8, answer),
  reads: upTo(8, mostly<ReadFault>('none', 'fails', 'never', 'swapped', 'replayed', 'corrupt')),
  writes: upTo(4, mostly<WriteFault>('none', 'fails', 'fails-late', 'never')),
  pauses: upTo(8, fc.constantFrom(0, 1, 2, 3, 5, 8, 13, 50)),
});
