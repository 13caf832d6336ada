/** Keeps trouble of the token table from becoming trouble of the validation. */
import {
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleAll,
  isBrokenCircuitError,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
} from 'cockatiel';
import { uptime } from '../clock';
import type { Log } from '../log';
import type { ReliableTokenStore, StoredIdentity, TokenStore } from './validator';

/** What the table may add to a validation, and the deadline of each of its operations. */
const BUDGET_MS = 250;
const FAILURES_TO_OPEN = 3;
const OPEN_MS = 5_000;
/** Without a failure, until trouble counts as ended. */
const QUIET_MS = 2_500;

/**
 * The same store, which never rejects: what it cannot read in 250 ms is a miss, what it cannot write is left out, and after
 * three failures in a row it is not asked for a while. A write is waited for only as long as its read has left of 250 ms,
 * but goes on; and it is left out when the read has failed, or was not tried.
 */
export function createResilientStore(store: TokenStore, log: Log): ReliableTokenStore {
  const reading = createGuard('token_table_read', log);
  const writing = createGuard('token_table_write', log);
  return {
    entryOf(key) {
      let found: Done<StoredIdentity | undefined> | undefined;
      let leftMs = BUDGET_MS;
      return {
        async read() {
          const startedAtMs = uptime();
          found = await reading.run((signal) => store.read(key, signal));
          leftMs -= uptime() - startedAtMs;
          return found?.result;
        },
        async write(stored) {
          if (found === undefined) return;
          const written = writing.run((signal) => store.write(key, stored, signal));
          const patience = timeout(leftMs, TimeoutStrategy.Aggressive);
          await patience.execute(() => written).catch(() => {}); // what is thrown is that it is over
        },
      };
    },
  };
}

interface Done<T> {
  readonly result: T;
}

interface Guard {
  /** Undefined when the operation failed, took too long or was not tried. */
  run<T>(operation: (signal: AbortSignal) => Promise<T>): Promise<Done<T> | undefined>;
}

/** Logs one warning when trouble begins and one line when it has ended, not one a request. */
function createGuard(operationName: string, log: Log): Guard {
  const breaker = circuitBreaker(handleAll, {
    breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
    halfOpenAfter: OPEN_MS,
  });
  const deadline = timeout(BUDGET_MS, TimeoutStrategy.Aggressive);
  let failedAtMs: number | undefined;
  return {
    async run(operation) {
      // Another operation is the probe. To wait for what it finds would take its time on top of one's own.
      if (breaker.state === CircuitState.HalfOpen) return undefined;
      try {
        const result = await breaker.execute(() => deadline.execute(({ signal }) => operation(signal)));
        if (failedAtMs !== undefined && uptime() - failedAtMs >= QUIET_MS) {
          log('info', `${operationName}_recovered`);
          failedAtMs = undefined;
        }
        return { result };
      } catch (error) {
        if (isBrokenCircuitError(error)) return undefined;
        if (failedAtMs === undefined) log('warn', `${operationName}_failed`, { reason: describeReason(error) });
        failedAtMs = uptime();
        return undefined;
      }
    },
  };
}

/** A code or a class name; never a message, which may hold a row's key or more. */
function describeReason(error: unknown): string {
  if (error instanceof TaskCancelledError) return 'timeout';
  const { code, name } = error as { code?: unknown; name?: unknown };
  return String(code ?? name ?? 'unknown');
}
