/** Keeps trouble of the token table from becoming trouble of the validation. */
import { ConsecutiveBreaker, circuitBreaker, handleAll, TaskCancelledError, TimeoutStrategy, timeout } from 'cockatiel';
import type { Clock } from '../clock';
import type { Log } from '../log';
import { createCallLimit } from './call-limit';
import type { ReliableTokenStore, TokenStore } from './validator';

/** What the table may add to a validation. */
const BUDGET_MS = 250;
/** A flood must not take all the connections that an instance may have. */
const MAX_READS_AT_A_TIME = 64;
const FAILURES_TO_OPEN = 3;
const OPEN_MS = 5_000;

/**
 * The same store, which never rejects: what it cannot read is a miss, what it cannot write is left out, and after three
 * failures in a row it is not asked for a while. Reading and writing an entry take 250 ms together: a write has what its
 * read has left, and is left out while reading fails. A read whose turn does not come in half of that time is a miss, too,
 * but no failure.
 */
export function createResilientStore(
  store: TokenStore,
  { clock, log }: { clock: Clock; log: Log },
): ReliableTokenStore {
  const reads = createCallLimit(MAX_READS_AT_A_TIME);
  const reading = createGuard('token_table_read', log);
  const writing = createGuard('token_table_write', log);
  return {
    entryOf(key) {
      let leftMs = BUDGET_MS;
      return {
        async read() {
          const startedAtMs = clock();
          // The clock may have been set.
          const left = () => Math.min(Math.max(BUDGET_MS - (clock() - startedAtMs), 0), BUDGET_MS);
          const read = () => reading.run(left(), (signal) => store.read(key, signal));
          const stored = await reads.run(read, () => left() > BUDGET_MS / 2).catch(() => undefined);
          leftMs = left();
          return stored;
        },
        async write(stored) {
          if (leftMs > 0 && reading.works()) await writing.run(leftMs, (signal) => store.write(key, stored, signal));
        },
      };
    },
  };
}

interface Guard {
  /** The operation's result, or undefined when it failed, took too long or was not tried. */
  run<T>(deadlineMs: number, operation: (signal: AbortSignal) => Promise<T>): Promise<T | undefined>;
  works(): boolean;
}

/** Logs one warning when trouble begins and one line when it ends, not one a request. */
function createGuard(operationName: string, log: Log): Guard {
  const breaker = circuitBreaker(handleAll, {
    breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
    halfOpenAfter: OPEN_MS,
  });
  let works = true;
  return {
    works: () => works,
    async run(deadlineMs, operation) {
      const deadline = timeout(deadlineMs, TimeoutStrategy.Aggressive);
      try {
        const result = await breaker.execute(() => deadline.execute(({ signal }) => operation(signal)));
        if (!works) log('info', `${operationName}_recovered`);
        works = true;
        return result;
      } catch (error) {
        if (works) log('warn', `${operationName}_failed`, { reason: describeReason(error) });
        works = false;
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
