/** The rules of the contract: from the fault, and from what was asked before, to what the next request must do. */
import type { UnavailableCause } from '../../shared/auth/provider';
import type { IdentityFault } from './identity-faults';
import type { TableFault } from './table-faults';

/** Where a token's verdict is when its request arrives. Of `bad row`, the table has a row under its key that is no verdict. */
export type TokenState = 'unknown' | 'memory' | 'table' | 'bad row' | 'rejected';

/** What the next request depends on. */
export interface Asker {
  readonly token: string;
  readonly state: TokenState;
  /** By `performance.now()`: until when the token is not sent again, after a 429 of its own. */
  readonly throttledUntilMs?: number | undefined;
  /** Some faults are about one token only: the subject's. */
  readonly isSubject: boolean;
}

export interface Prediction {
  readonly status: number;
  readonly code?: string;
  readonly source?: string;
  /** At least and at most, in seconds. */
  readonly retryAfter?: readonly [number, number];
  /** Requests that arrive at the identity service. */
  readonly calls: number;
  /** Requests that arrive at the table: GET and PUT. */
  readonly reads: number;
  readonly writes: number;
  /** Whether the token's row is there, and good, afterwards. */
  readonly persists: boolean;
  readonly limitMs: number;
  /** Where the verdict is from then on. */
  readonly state: TokenState;
  readonly throttledUntilMs?: number | undefined;
  /** The log lines, in any order. */
  readonly lines: readonly string[];
}

export interface Oracle {
  next(asker: Asker): Prediction;
  /** The faults begin, or end. */
  identity(fault: IdentityFault | undefined): void;
  table(fault: TableFault | undefined): void;
  /** The time of the open circuits is over: the next request is their probe. */
  halfOpen(): void;
  readonly circuitIsOpen: boolean;
  readonly tableIsSkipped: boolean;
}

export const BUDGET_MS = 3_000;
/** For all that is not waiting: the two hops, Azurite and a busy machine. */
const MARGIN_MS = 400;
/**
 * Not the default, 1,200 ms: two calls that hang would then end 50 ms before the budget does, and whether the second one
 * counts would depend on the machine. With 1,000 ms each end is 400 ms or more away from that of the budget.
 */
export const ATTEMPT_MS = 1_000;
const IDENTITY_BUDGET_MS = 2_450;
const RETRY_DELAY_MS = 50;
const TABLE_DEADLINE_MS = 250;
const TABLE_QUIET_MS = 2_500;
const TOKENS_TO_OPEN = 5;
const TABLE_FAILURES_TO_SKIP = 3;
export const OPEN_SECONDS = 5;
/** A success this long ago no longer keeps the circuit closed. */
export const SUCCESS_COUNTS_FOR_MS = 1_000;

type Means = IdentityFault['means'] | 'valid';

const FAILURES: readonly Means[] = ['timeout', 'unreachable', 'server_error'];

export function createOracle(): Oracle {
  const circuit = createCircuit();
  const guards = { read: createGuard(), write: createGuard() };
  let identityFault: IdentityFault | undefined;
  let tableFault: TableFault | undefined;
  let tableIsMissing = false;
  /** Whether the app keeps an idle connection to the identity service. */
  let isPooled = true;

  function next({ token, state, throttledUntilMs = 0, isSubject }: Asker): Prediction {
    const fault = identityFault?.onlySubject && !isSubject ? undefined : identityFault;
    const means: Means = fault?.means ?? 'valid';
    const lines: string[] = [];
    const counts = { calls: 0, reads: 0, writes: 0 };
    let waitMs = 0;
    let tableMs = 0;

    function table(operation: 'read' | 'write'): boolean {
      const guard = guards[operation];
      if (guard.state === 'skipping') return false;
      const line = tableFault?.kind === 'line' ? tableFault : undefined;
      if (line?.failure !== 'refuse') counts[`${operation}s`] += 1;
      if (operation === 'write' && tableIsMissing) {
        counts.writes += 1; // again, after the table was made
        tableIsMissing = false;
      }
      const fails = line?.fails === operation;
      if (fails && line.hangs) tableMs = TABLE_DEADLINE_MS;
      if (tableFault?.kind === 'slow') tableMs = Math.min(tableMs + tableFault.ms, TABLE_DEADLINE_MS);
      const event = recordTable(guard, fails);
      if (event !== undefined) lines.push(`token_table_${operation}_${event}`);
      return !fails;
    }

    function call(): void {
      if (fault?.failure !== 'refuse') counts.calls += 1;
      waitMs += means === 'timeout' ? ATTEMPT_MS : (fault?.slowMs ?? 0);
      lines.push(`identity_call ${outcomeOf(means)}`);
    }

    /** The first one may take a connection from the pool, and is repeated when that breaks. */
    function attempt(isFirst: boolean): void {
      const wasReused = isFirst && isPooled;
      const breaks = fault !== undefined && breaksConnection(fault);
      call();
      if (isFirst) isPooled = !breaks;
      if (wasReused && (means === 'timeout' || means === 'unreachable')) call();
      // The end of the budget cuts the second attempt short, which then says nothing.
      if (waitMs > IDENTITY_BUDGET_MS) waitMs = IDENTITY_BUDGET_MS;
      else lines.push(...recordCall(circuit, token, means, fault?.retryAfterSeconds));
    }

    function identify(): Means | 'circuit_open' {
      if (circuit.state === 'open') return 'circuit_open';
      attempt(true);
      if (!FAILURES.includes(means) || fault?.retryAfterSeconds !== undefined) return means;
      waitMs += RETRY_DELAY_MS;
      if (!isOpen(circuit) && waitMs < IDENTITY_BUDGET_MS) attempt(false);
      return means;
    }

    const predict = (rest: Omit<Prediction, keyof typeof counts | 'lines' | 'limitMs'>): Prediction => ({
      ...rest,
      ...counts,
      lines: [...lines].sort(),
      limitMs: Math.min(waitMs + tableMs + MARGIN_MS, BUDGET_MS),
    });
    const valid = (source: string, persists: boolean) => {
      // A hit from memory writes no line.
      if (source !== 'memory') lines.push(`token_validation valid ${source}`);
      return predict({ status: 200, source, persists, state: 'memory' });
    };
    const rejected = (source: string, remembered: boolean) => {
      lines.push(`token_validation rejected ${source} rejected`, 'request_failed invalid_token rejected');
      return predict({ status: 401, code: 'invalid_token', persists: false, state: remembered ? 'rejected' : state });
    };
    const unavailable = (
      cause: UnavailableCause,
      retryAfter: readonly [number, number],
      untilMs: number | undefined = throttledUntilMs,
    ) => {
      lines.push(`token_validation unavailable none ${cause}`, `request_failed identity_unavailable ${cause}`);
      const rest = { status: 503, code: 'identity_unavailable', persists: false, state } as const;
      return predict({ ...rest, retryAfter, throttledUntilMs: untilMs });
    };

    if (state === 'memory') return valid('memory', false);
    if (state === 'rejected') return rejected('memory', true);
    const readable = table('read');
    const hidden = tableFault?.kind === 'line' && tableFault.hidesRows;
    if (readable && state === 'table' && !hidden) return valid('table', true);
    const throttledMs = throttledUntilMs - performance.now();
    if (throttledMs > 0) return unavailable('throttled', [1, Math.ceil(throttledMs / 1_000)]);
    const result = identify();
    if (result === 'valid') return valid('identity-service', readable && table('write'));
    if (result === 'rejected' || result === 'rejected for now') {
      return rejected('identity-service', result === 'rejected');
    }
    // What the service asked for is told to this caller; else, with the circuit open, what is left of its time.
    const own = result === 'circuit_open' ? undefined : fault?.retryAfterSeconds;
    const least = own ?? (isOpen(circuit) ? 1 : OPEN_SECONDS);
    const most = own ?? (isOpen(circuit) ? circuit.seconds : OPEN_SECONDS);
    const untilMs = result === 'throttled' ? performance.now() + most * 1_000 : undefined;
    return unavailable(result, [least, most], untilMs);
  }

  return {
    next,
    identity: (fault) => {
      identityFault = fault;
      if (fault?.failure === 'refuse') isPooled = false; // the end of the server is the end of its connections
    },
    table: (fault) => {
      tableFault = fault;
      tableIsMissing = fault?.kind === 'deleted';
    },
    halfOpen() {
      if (circuit.state === 'open') circuit.state = 'half-open';
      for (const guard of Object.values(guards)) if (guard.state === 'skipping') guard.state = 'probing';
    },
    get circuitIsOpen() {
      return isOpen(circuit);
    },
    get tableIsSkipped() {
      return Object.values(guards).some(({ state }) => state === 'skipping');
    },
  };
}

function outcomeOf(means: Means): string {
  if (means === 'valid') return 'valid';
  return means.startsWith('rejected') ? 'rejected' : `unavailable ${means}`;
}

function breaksConnection({ means, tooLarge }: IdentityFault): boolean {
  return means === 'timeout' || means === 'unreachable' || tooLarge === true;
}

interface Circuit {
  state: 'closed' | 'open' | 'half-open';
  readonly failed: Set<string>;
  readonly throttled: Map<string, number>;
  /** That it is open for. */
  seconds: number;
}

function createCircuit(): Circuit {
  return { state: 'closed', failed: new Set(), throttled: new Map(), seconds: OPEN_SECONDS };
}

function isOpen({ state }: Circuit): boolean {
  return state === 'open';
}

/**
 * Opens when so many different tokens have failed, or were throttled in a row. When its time is over, one token decides.
 * The cell sees to it that the last success is old enough. @returns the log lines
 */
function recordCall(circuit: Circuit, token: string, means: Means, retryAfterSeconds = OPEN_SECONDS): string[] {
  const { failed, throttled } = circuit;
  const isFailure = FAILURES.includes(means);
  if (means === 'valid' || means.startsWith('rejected')) {
    failed.clear();
    throttled.clear();
    const wasOpen = circuit.state !== 'closed';
    circuit.state = 'closed';
    return wasOpen ? ['identity_circuit_closed'] : [];
  }
  if (circuit.state !== 'closed') {
    if (isFailure) throttled.clear();
    const isThrottled = means === 'throttled' && throttled.size >= TOKENS_TO_OPEN;
    const seconds = isFailure ? OPEN_SECONDS : Math.min(retryAfterSeconds, ...throttled.values());
    if (isFailure || isThrottled) Object.assign(circuit, { state: 'open', seconds });
    return [];
  }
  if (isFailure) {
    throttled.clear();
    failed.add(token);
    if (failed.size < TOKENS_TO_OPEN) return [];
    Object.assign(circuit, { state: 'open', seconds: OPEN_SECONDS });
    return ['identity_circuit_opened failures'];
  }
  if (means === 'throttled') {
    throttled.set(token, retryAfterSeconds);
    if (throttled.size < TOKENS_TO_OPEN) return [];
    Object.assign(circuit, { state: 'open', seconds: Math.min(...throttled.values()) });
    return ['identity_circuit_opened throttled'];
  }
  return [];
}

interface Guard {
  state: 'working' | 'skipping' | 'probing';
  failuresInARow: number;
  /** While there is trouble. */
  failedAtMs: number | undefined;
}

function createGuard(): Guard {
  return { state: 'working', failuresInARow: 0, failedAtMs: undefined };
}

/** Skips after so many failures in a row; when that time is over, one operation decides. */
function recordTable(guard: Guard, fails: boolean): 'failed' | 'recovered' | undefined {
  const isNew = guard.failedAtMs === undefined;
  if (fails) {
    guard.failuresInARow += 1;
    guard.failedAtMs = performance.now();
    guard.state = guard.failuresInARow >= TABLE_FAILURES_TO_SKIP ? 'skipping' : 'working';
    return isNew ? 'failed' : undefined;
  }
  Object.assign(guard, { state: 'working', failuresInARow: 0 });
  if (guard.failedAtMs === undefined || performance.now() - guard.failedAtMs < TABLE_QUIET_MS) return undefined;
  guard.failedAtMs = undefined;
  return 'recovered';
}
