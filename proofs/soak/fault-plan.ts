/** When which upstream fails, and how. */
import type { Fault } from '../../local/identity-service/faults';

export type Upstream = 'identity service' | 'storage';
/** `cut` breaks and refuses connections, `hang` never answers. */
export type StorageFault = 'cut' | 'hang';

export interface Planned<F> {
  /** Since the start. */
  readonly atMs: number;
  readonly fault: F;
}

export interface FaultPlan {
  readonly durationMs: number;
  /** How long each fault lasts. */
  readonly faultMs: number;
  /** After a fault, until everything must succeed again. */
  readonly recoveryMs: number;
  /** In the order of time; the next begins after the recovery from the one before. */
  readonly identity: readonly Planned<Fault>[];
  readonly storage: readonly Planned<StorageFault>[];
}

const MINUTE_MS = 60_000;
const FAULT_MS = 5_000;
/** What the contract allows: a circuit is open for 5 s, and its probe may fail once more, after it has waited. */
const RECOVERY_MS = 15_000;
/** Until then both are well. */
const FIRST_FAULT_MS = 10_000;
/** Recovered from the one, before the other begins. After both, there are 20 s of a minute left without any. */
const OTHER_FAULT_MS = FIRST_FAULT_MS + FAULT_MS + RECOVERY_MS;

const identityFaults: readonly Fault[] = [
  { kind: 'hang' },
  { kind: 'status', status: 500 },
  { kind: 'reset' },
  { kind: 'status', status: 503, retryAfterSeconds: 2 },
  { kind: 'body', status: 200, contentType: 'text/html', body: '<h1>Welcome</h1>' },
  { kind: 'status', status: 429, retryAfterSeconds: 1 },
  { kind: 'delay', delayMs: 600 },
  { kind: 'oversize', bytes: 1_000_000 },
  { kind: 'redirect', location: 'http://127.0.0.1:9/v1/users/me' },
  { kind: 'status', status: 404 },
];
const storageFaults: readonly StorageFault[] = ['cut', 'hang'];

/** Each minute a fault of either upstream, the kinds in turn; in each third minute both at once. */
export function planFaults(minutes: number): FaultPlan {
  const inTurn = <F>(faults: readonly F[], secondMs: (minute: number) => number): Planned<F>[] =>
    Array.from({ length: minutes }, (_, minute) => ({
      atMs: minute * MINUTE_MS + secondMs(minute),
      fault: faults[minute % faults.length] as F,
    }));
  return {
    durationMs: minutes * MINUTE_MS,
    faultMs: FAULT_MS,
    recoveryMs: RECOVERY_MS,
    identity: inTurn(identityFaults, () => FIRST_FAULT_MS),
    storage: inTurn(storageFaults, (minute) => (minute % 3 === 2 ? FIRST_FAULT_MS : OTHER_FAULT_MS)),
  };
}
