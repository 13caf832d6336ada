/** Keeps trouble of the token table from becoming trouble of the validation. */
import { BUDGET } from '../auth/budget';
import type { Clock } from '../clock';
import { withDeadline } from '../deadline';
import type { Log } from '../log';

const FAILURES_TO_SKIP = 3;
const SKIP_MS = 5_000;
/** Without a failure, until trouble counts as over. */
const QUIET_MS = 2_500;
/** At the longest: loading the SDK and the first access token of a managed identity. */
const WARM_UP_MS = 10_000;
/** A timer that fires later than this shows that this instance is overloaded, not the table. */
const MAX_LAG_MS = 50;
const TIMED_OUT = Symbol('timed out');

/** Runs operations of one kind. `late` is a timeout that is not the table's fault; `unavailable` is a failure or a skip. */
export type Guard = <T>(operation: (signal: AbortSignal) => Promise<T>) => Promise<T | 'late' | 'unavailable'>;

/** Shared by the guards of one table: whether any operation has succeeded. */
export interface WarmUp {
  isWarm: boolean;
}

/**
 * Gives each operation `BUDGET.tableMs`, and after three failures in a row skips operations for a while. Logs one warning
 * when trouble begins and one line when it is over, not one per request. Never rejects.
 */
export function createGuard(name: string, { clock, log, table }: { clock: Clock; log: Log; table: WarmUp }): Guard {
  let failures = 0;
  let failedAtMs: number | undefined; // while there is trouble
  let isProbing = false;
  let firstAtMs: number | undefined;

  function succeed(): void {
    table.isWarm = true;
    failures = 0;
    if (failedAtMs === undefined || clock.elapsed() - failedAtMs < QUIET_MS) return;
    log('info', `${name}_recovered`);
    failedAtMs = undefined;
  }

  function fail(reason: string): void {
    failures += 1;
    if (failedAtMs === undefined) log('warn', `${name}_failed`, { reason });
    failedAtMs = clock.elapsed();
  }

  function isOwnFault(startedAtMs: number): boolean {
    const now = clock.elapsed();
    firstAtMs ??= startedAtMs;
    return now - startedAtMs - BUDGET.tableMs >= MAX_LAG_MS || (!table.isWarm && now - firstAtMs < WARM_UP_MS);
  }

  return async function run(operation) {
    const startedAtMs = clock.elapsed();
    const isSkipping = failures >= FAILURES_TO_SKIP;
    if (isSkipping && (isProbing || startedAtMs - (failedAtMs ?? 0) < SKIP_MS)) return 'unavailable';
    isProbing = isSkipping;
    try {
      const result = await withDeadline(BUDGET.tableMs, operation, () => TIMED_OUT);
      if (result !== TIMED_OUT) {
        succeed();
        return result as Awaited<ReturnType<typeof operation>>;
      }
      if (isOwnFault(startedAtMs)) return 'late';
      fail('timeout');
    } catch (error) {
      fail(reasonOf(error));
    } finally {
      if (isSkipping) isProbing = false;
    }
    return 'unavailable';
  };
}

/** A code or a class name; never a message, which may hold a row's key or more. */
function reasonOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return String(code ?? name ?? 'unknown');
}
