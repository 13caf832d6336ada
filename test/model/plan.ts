/** What may happen in one sequence: who calls, when, and what the identity service and the table make of it. */
import fc from 'fast-check';
import { jwtWith } from '../harness/tokens';

export const START_MS = Date.UTC(2026, 0, 1);
export const SECRET = 'model-secret-model-secret-model-secret';
/** Instances that ask different services share the table as well. */
export const SERVICES = ['https://one.example/v1/users/me', 'https://two.example/v1/users/me'] as const;

/**
 * The first two have one long beginning, and were searched for: their keys at the first service have the same first 8
 * digits. Whoever shortens a token or a key mixes them up.
 */
export const TOKENS = [
  'opaque-token-with-one-long-beginning-42926',
  'opaque-token-with-one-long-beginning-76081',
  jwtWith({ exp: START_MS / 1000 + 3.25 }),
  jwtWith({ exp: START_MS / 1000 + 1_200 }),
] as const;

export const TOKEN_EXPIRES_AT_MS = [
  Number.POSITIVE_INFINITY,
  Number.POSITIVE_INFINITY,
  START_MS + 3_250,
  START_MS + 1_200_000,
];

export type Step =
  /** So many come in the same moment. If the first one `leaves`, it is gone before the answer comes. */
  | {
      readonly do: 'call';
      readonly instance: number;
      readonly token: number;
      readonly callers: number;
      readonly leaves: boolean;
    }
  | { readonly do: 'advance'; readonly ms: number }
  /** To a moment at which a verdict or a token ends, or to 1 ms before or after it. */
  | { readonly do: 'edge'; readonly which: number; readonly offsetMs: number }
  | { readonly do: 'turn'; readonly ms: number };

export type Answer =
  /** `lifeMs`: the service itself says how long its verdict may live. */
  | { readonly kind: 'valid'; readonly lifeMs?: number }
  | { readonly kind: 'rejected'; readonly definite: boolean }
  | { readonly kind: 'unavailable'; readonly cause: 'server_error' | 'throttled'; readonly retryAfterSeconds?: number }
  | { readonly kind: 'never' };

/** `swapped`: another key's row. `replayed`: the first row that this key ever had. `corrupt`: one byte is another. */
export type ReadFault = 'none' | 'fails' | 'never' | 'swapped' | 'replayed' | 'corrupt';
/** `fails-late`: the row is written, and the answer that says so is lost. */
export type WriteFault = 'none' | 'fails' | 'fails-late' | 'never';

export interface InstancePlan {
  readonly service: 0 | 1;
  readonly ttlMs: number;
  /** How far its clock is from the others'. */
  readonly skewMs: number;
  readonly maxEntries: number;
}

export interface Plan {
  readonly instances: readonly InstancePlan[];
  readonly steps: readonly Step[];
  /** Each list is used in turn, and from its beginning again. */
  readonly answers: readonly Answer[];
  readonly reads: readonly ReadFault[];
  readonly writes: readonly WriteFault[];
  /** How many turns of the promise queue pass between two events. */
  readonly pauses: readonly number[];
}

const instance = fc.record<InstancePlan>({
  service: fc.constantFrom<0 | 1>(0, 0, 0, 1),
  ttlMs: fc.constantFrom(1_800_000, 1_000, 60_000),
  skewMs: fc.constantFrom(0, 0, 2_000, -2_000),
  maxEntries: fc.constantFrom(10_000, 10_000, 1),
});

const MOMENTS_MS = [0, 1, 49, 50, 249, 250, 999, 1_199, 1_200, 2_699, 2_700, 5_000, 9_999, 10_000, 60_000];

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      // Most calls meet: same instance, same token.
      instance: fc.constantFrom(0, 0, 0, 1, 2),
      token: fc.constantFrom(0, 0, 0, 1, 2, 3),
      callers: fc.constantFrom(1, 1, 2),
      leaves: fc.constantFrom(false, false, false, true),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(...MOMENTS_MS) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('edge' as const),
      which: fc.nat(3),
      offsetMs: fc.constantFrom(0, -1, 1),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('turn' as const), ms: fc.constantFrom(-1, -50, -1_000, 1_000) }),
  },
);

const answer: fc.Arbitrary<Answer> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Answer>({ kind: 'valid' }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(5_000, 500, 1, 0, 3_600_000).map((lifeMs): Answer => ({ kind: 'valid', lifeMs })),
  },
  { weight: 3, arbitrary: fc.constant<Answer>({ kind: 'rejected', definite: true }) },
  { weight: 1, arbitrary: fc.constant<Answer>({ kind: 'rejected', definite: false }) },
  { weight: 1, arbitrary: fc.constant<Answer>({ kind: 'unavailable', cause: 'server_error' }) },
  { weight: 1, arbitrary: fc.constant<Answer>({ kind: 'unavailable', cause: 'throttled', retryAfterSeconds: 7 }) },
  { weight: 1, arbitrary: fc.constant<Answer>({ kind: 'never' }) },
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
