/** Leaves a failing identity service alone for a while. Counts tokens, not calls: one caller cannot open the circuit. */
import type { Clock } from '../clock';
import type { Log } from '../log';
import type { Unavailable, UnavailableCause, Verdict } from './provider';

/** Different tokens that failed since the last success, or were throttled in a row. */
const TOKENS_TO_OPEN = 5;
/** While good tokens succeed, failures are about the tokens that fail. */
const SUCCESS_COUNTS_FOR_MS = 1_000;
const OPEN_MS = 5_000;
const MAX_THROTTLED_MS = 60_000;
const FAILURES: readonly UnavailableCause[] = ['timeout', 'unreachable', 'server_error'];

export interface CircuitBreaker {
  state(): 'closed' | 'open' | 'half-open';
  /** Whole seconds, at least 1, until the next call may go out; undefined when the circuit is closed. */
  retryAfterSeconds(): number | undefined;
  /** Whether a call with this token may go out. If so, `record` must follow. In a half-open circuit it is the probe. */
  admits(key: string): boolean;
  record(key: string, verdict: Verdict): void;
}

/** Whether the service did not do its work, as far as one can tell. */
export function isServiceFailure(verdict: Verdict): verdict is Unavailable {
  return verdict.kind === 'unavailable' && FAILURES.includes(verdict.cause);
}

export function createCircuitBreaker({ clock, log }: { clock: Clock; log: Log }): CircuitBreaker {
  const failed = new Set<string>();
  const throttledMs = new Map<string, number>();
  let succeededAtMs = Number.NEGATIVE_INFINITY;
  /** No probe is made with the failed keys, or one bad token could keep the circuit open. */
  let open: { untilMs: number; probe?: string | undefined; readonly failedKeys: Set<string> } | undefined;

  function openFor(ms: number, reason: 'failures' | 'throttled'): void {
    if (open === undefined) log('warn', 'identity_circuit_opened', { reason, durationMs: ms });
    open ??= { untilMs: 0, failedKeys: new Set() };
    open.untilMs = clock.elapsed() + ms;
  }

  function succeed(): void {
    failed.clear();
    throttledMs.clear();
    succeededAtMs = clock.elapsed();
    if (open !== undefined) log('info', 'identity_circuit_closed');
    open = undefined;
  }

  function fail(key: string): void {
    failed.add(key);
    const isAlone = clock.elapsed() - succeededAtMs >= SUCCESS_COUNTS_FOR_MS;
    if (open !== undefined || (failed.size >= TOKENS_TO_OPEN && isAlone)) openFor(OPEN_MS, 'failures');
  }

  function throttle(key: string, ms: number): void {
    if (throttledMs.size < TOKENS_TO_OPEN) throttledMs.set(key, ms);
    if (throttledMs.size >= TOKENS_TO_OPEN) openFor(Math.min(ms, ...throttledMs.values()), 'throttled');
  }

  return {
    state: () => (open === undefined ? 'closed' : clock.elapsed() < open.untilMs ? 'open' : 'half-open'),
    retryAfterSeconds: () => open && Math.max(1, Math.ceil((open.untilMs - clock.elapsed()) / 1000)),
    admits(key) {
      if (open === undefined) return true;
      const halfOpenMs = clock.elapsed() - open.untilMs;
      if (halfOpenMs < 0 || open.probe !== undefined) return false;
      // When no other token has come for as long again, those that have failed are all there is.
      if (open.failedKeys.has(key) && halfOpenMs < OPEN_MS) return false;
      open.probe = key;
      return true;
    },
    record(key, verdict) {
      if (verdict.kind !== 'unavailable') return succeed();
      if (open !== undefined) {
        open.failedKeys.add(key);
        if (open.probe !== key) return; // a call that was under way tells nothing new
        open.probe = undefined;
      }
      const { cause, retryAfterSeconds = OPEN_MS / 1000 } = verdict;
      if (cause === 'busy') return;
      if (cause === 'throttled') return throttle(key, Math.min(retryAfterSeconds * 1000, MAX_THROTTLED_MS));
      throttledMs.clear();
      if (isServiceFailure(verdict)) fail(key);
    },
  };
}
