/** Keeps trouble of the token table from becoming trouble of the validation. */
import { ConsecutiveBreaker, circuitBreaker, handleAll, TaskCancelledError, TimeoutStrategy, timeout } from 'cockatiel';
import type { Log } from '../log';
import type { ReliableTokenStore, TokenStore } from './validator';

const DEADLINE_MS = 250;
const FAILURES_TO_OPEN = 3;
const OPEN_MS = 5_000;

/**
 * The same store, which never rejects: what it cannot read in 250 ms is a miss, what it cannot write is left out, and
 * after three failures in a row it is not asked for a while. Nothing is written while reading fails, so that trouble
 * costs a validation one deadline, not two. (A table that is only slow, and fails at neither, can cost both.)
 */
export function createResilientStore(store: TokenStore, log: Log): ReliableTokenStore {
  const reading = createGuard('token_table_read', log);
  const writing = createGuard('token_table_write', log);
  return {
    read: (key) => reading.run((signal) => store.read(key, signal)),
    write: async (key, stored) => {
      if (reading.works()) await writing.run((signal) => store.write(key, stored, signal));
    },
  };
}

interface Guard {
  /** The operation's result, or undefined when it failed, took too long or was not tried. */
  run<T>(operation: (signal: AbortSignal) => Promise<T>): Promise<T | undefined>;
  works(): boolean;
}

/** Logs one warning when trouble begins and one line when it ends, not one a request. */
function createGuard(operationName: string, log: Log): Guard {
  const breaker = circuitBreaker(handleAll, {
    breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
    halfOpenAfter: OPEN_MS,
  });
  const deadline = timeout(DEADLINE_MS, TimeoutStrategy.Aggressive);
  let works = true;
  return {
    works: () => works,
    async run(operation) {
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
