/** Keeps trouble of the token table from becoming trouble of the validation. */
import { BUDGET } from '../auth/budget';
import type { Clock } from '../clock';
import { withDeadline } from '../deadline';
import type { Log } from '../log';

const FAILURES_TO_SKIP = 3;
const SKIP_MS = 5_000;
const QUIET_MS = 2_500; // without a failure, until trouble counts as over
const WARM_UP_MS = 10_000; // at the longest: loading the SDK and the first access token of a managed identity
const MAX_LAG_MS = 50; // a timer that fires later shows that this instance is overloaded, not the table

type Options = { clock: Clock; log: Log; table: { isWarm: boolean } };

/**
 * Runs operations of one kind, each for `BUDGET.tableMs` at most. After three failures in a row, skips some. Answers
 * `late` for a timeout that is not the table's fault, `unavailable` for a failure or a skip; never rejects. Logs when
 * trouble begins and when it is over. The guards of one table share `table`, which is warm after the first success.
 */
export function createGuard(name: string, { clock, log, table }: Options) {
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

  function fail(reason: string): 'unavailable' {
    failures += 1;
    if (failedAtMs === undefined) log('warn', `${name}_failed`, { reason });
    failedAtMs = clock.elapsed();
    return 'unavailable';
  }

  function timeOut(startedAtMs: number): 'late' | 'unavailable' {
    const now = clock.elapsed();
    firstAtMs ??= startedAtMs;
    const isOverloaded = now - startedAtMs - BUDGET.tableMs >= MAX_LAG_MS;
    const isWarmingUp = !table.isWarm && now - firstAtMs < WARM_UP_MS;
    return isOverloaded || isWarmingUp ? 'late' : fail('timeout');
  }

  return async function run<T>(operation: (signal: AbortSignal) => Promise<T>): Promise<T | 'late' | 'unavailable'> {
    const startedAtMs = clock.elapsed();
    const isSkipping = failures >= FAILURES_TO_SKIP;
    if (isSkipping && (isProbing || startedAtMs - (failedAtMs ?? 0) < SKIP_MS)) return 'unavailable';
    isProbing = isSkipping;
    const attempt = async (signal: AbortSignal) => ({ result: await operation(signal) });
    try {
      const outcome = await withDeadline(BUDGET.tableMs, attempt, () => timeOut(startedAtMs));
      if (typeof outcome === 'string') return outcome;
      succeed();
      return outcome.result;
    } catch (error) {
      const { code, name } = error as { code?: unknown; name?: unknown };
      return fail(String(code ?? name ?? 'unknown')); // never the message, which may hold a row's key or more
    } finally {
      if (isSkipping) isProbing = false;
    }
  };
}
