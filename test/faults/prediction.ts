/** The rules of the contract: from the fault, and from what was asked before, to what the next request must do. */
import type { UnavailableCause } from '../../shared/auth/provider';
import type { IdentityFault } from './identity-faults';
import type { TableFault } from './table-faults';

/** Where a token's verdict is when its request arrives. Of `bad row`, the table has a row under its key that is no verdict. */
export type TokenState = 'unknown' | 'memory' | 'table' | 'bad row' | 'rejected';

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
  /** The log lines, in any order. */
  readonly lines: readonly string[];
}

export interface Oracle {
  next(state: TokenState): Prediction;
  /** The faults begin, or end. */
  identity(fault: IdentityFault | undefined): void;
  table(fault: TableFault | undefined): void;
  /** The time of the open circuits is over: the next request is their probe. */
  halfOpen(): void;
  readonly circuitIsOpen: boolean;
  readonly tableIsLeftAlone: boolean;
}

export const BUDGET_MS = 3_000;
/** For all that is not waiting: the two hops, Azurite and a busy machine. */
const MARGIN_MS = 400;
const ATTEMPT_MS = 1_200;
const RETRY_DELAY_MS = 50;
const TABLE_DEADLINE_MS = 250;
const FAILURES_TO_OPEN = 5;
const TABLE_FAILURES_TO_OPEN = 3;
export const OPEN_SECONDS = 5;

export function createOracle(): Oracle {
  const circuit = closedCircuit();
  const guards = { read: closedCircuit(), write: closedCircuit() };
  let identityFault: IdentityFault | undefined;
  let tableFault: TableFault | undefined;
  let tableIsMissing = false;
  const isOpen = () => circuit.state === 'open';

  function next(state: TokenState): Prediction {
    const lines: string[] = [];
    const counts = { calls: 0, reads: 0, writes: 0 };
    let waitMs = 0;
    let tableMs = 0;

    function table(operation: 'read' | 'write'): boolean {
      const guard = guards[operation];
      if (guard.state === 'open') return false;
      const line = tableFault?.kind === 'line' ? tableFault : undefined;
      if (line?.failure !== 'refuse') counts[`${operation}s`] += 1;
      if (operation === 'write' && tableIsMissing) {
        counts.writes += 1; // again, after the table was made
        tableIsMissing = false;
      }
      const fails = line?.fails === operation;
      if (fails && line.hangs) tableMs = TABLE_DEADLINE_MS;
      if (tableFault?.kind === 'slow') tableMs = Math.min(tableMs + tableFault.ms, TABLE_DEADLINE_MS);
      const worked = guard.failuresInARow === 0;
      record(guard, fails, TABLE_FAILURES_TO_OPEN);
      if (worked === fails) lines.push(`token_table_${operation}_${fails ? 'failed' : 'recovered'}`);
      return !fails;
    }

    function attempt(): IdentityFault['means'] | 'valid' {
      if (identityFault?.failure !== 'refuse') counts.calls += 1;
      const means = identityFault?.means ?? 'valid';
      if (means === 'timeout') waitMs += ATTEMPT_MS;
      lines.push(`identity_call ${outcomeOf(means)}`);
      // An answer that is not understood may be about one token: it tells nothing of the service.
      const before = circuit.state;
      record(circuit, ['timeout', 'unreachable', 'server_error', 'throttled'].includes(means), FAILURES_TO_OPEN);
      if (before === 'closed' && isOpen()) lines.push('identity_circuit_opened');
      if (before === 'half-open' && !isOpen()) lines.push('identity_circuit_closed');
      return means;
    }

    function identify(): IdentityFault['means'] | 'valid' | 'circuit_open' {
      if (isOpen()) return 'circuit_open';
      const means = attempt();
      const passing = ['timeout', 'unreachable', 'server_error'].includes(means);
      if (!passing || identityFault?.retryAfterSeconds !== undefined) return means;
      waitMs += RETRY_DELAY_MS;
      return isOpen() ? 'circuit_open' : attempt();
    }

    const predict = (rest: Omit<Prediction, keyof typeof counts | 'lines' | 'limitMs'>): Prediction => ({
      ...rest,
      ...counts,
      lines: [...lines].sort(),
      limitMs: Math.min(waitMs + tableMs + MARGIN_MS, BUDGET_MS),
    });
    const valid = (source: string, persists: boolean) => {
      lines.push(`token_validation valid ${source}`);
      return predict({ status: 200, source, persists, state: 'memory' });
    };
    const rejected = (remembered: boolean) => {
      lines.push('token_validation rejected rejected', 'request_failed invalid_token rejected');
      return predict({ status: 401, code: 'invalid_token', persists: false, state: remembered ? 'rejected' : state });
    };
    const unavailable = (cause: UnavailableCause) => {
      lines.push(`token_validation unavailable ${cause}`, `request_failed identity_unavailable ${cause}`);
      const retryAfter = retryAfterOf(cause, identityFault, isOpen());
      return predict({ status: 503, code: 'identity_unavailable', retryAfter, persists: false, state });
    };

    if (state === 'memory') return valid('memory', false);
    if (state === 'rejected') return rejected(true);
    const readable = table('read');
    const hidden = tableFault?.kind === 'line' && tableFault.hidesRows;
    if (readable && state === 'table' && !hidden) return valid('table', true);
    const result = identify();
    if (result === 'valid') return valid('identity-service', readable && table('write'));
    if (result === 'rejected' || result === 'rejected for now') return rejected(result === 'rejected');
    return unavailable(result);
  }

  return {
    next,
    identity: (fault) => {
      identityFault = fault;
    },
    table: (fault) => {
      tableFault = fault;
      tableIsMissing = fault?.kind === 'deleted';
    },
    halfOpen() {
      for (const one of [circuit, guards.read, guards.write]) if (one.state === 'open') one.state = 'half-open';
    },
    get circuitIsOpen() {
      return isOpen();
    },
    get tableIsLeftAlone() {
      return [guards.read, guards.write].some(({ state }) => state === 'open');
    },
  };
}

function outcomeOf(means: IdentityFault['means'] | 'valid'): string {
  if (means === 'valid') return 'valid';
  return means.startsWith('rejected') ? 'rejected' : `unavailable ${means}`;
}

/** The service's own; else, with the circuit open, what is left of its time. */
function retryAfterOf(
  cause: UnavailableCause,
  fault: IdentityFault | undefined,
  isOpen: boolean,
): readonly [number, number] {
  const own = cause === 'circuit_open' ? undefined : fault?.retryAfterSeconds;
  if (own !== undefined) return [own, own];
  return isOpen ? [1, OPEN_SECONDS] : [OPEN_SECONDS, OPEN_SECONDS];
}

interface Circuit {
  state: 'closed' | 'open' | 'half-open';
  failuresInARow: number;
}

function closedCircuit(): Circuit {
  return { state: 'closed', failuresInARow: 0 };
}

/** Opens after so many failures in a row; when its time is over, one attempt decides. */
function record(circuit: Circuit, fails: boolean, failuresToOpen: number): void {
  circuit.failuresInARow = fails ? circuit.failuresInARow + 1 : 0;
  const opens = circuit.state === 'half-open' ? fails : circuit.failuresInARow >= failuresToOpen;
  circuit.state = opens ? 'open' : 'closed';
}
