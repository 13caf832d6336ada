/** Leaves a failing identity service alone for a while. Counts tokens, not calls: one token cannot open the circuit. */
import type { Clock } from '../clock';
import type { Log } from '../log';
import type { UnavailableCause, Verdict } from './provider';

const TOKENS_TO_OPEN = 5; // different ones that failed since the last success, or were throttled in a row
const SUCCESS_COUNTS_FOR_MS = 1_000; // while good tokens succeed, failures are about the tokens that fail
const OPEN_MS = 5_000;
const MAX_THROTTLED_MS = 60_000;
/** What counts as a failure of the service. */
export const SERVICE_FAILURES: readonly UnavailableCause[] = ['timeout', 'unreachable', 'server_error'];

/** @param options.tokens whose circuit it is, for the log */
export function createCircuitBreaker({ clock, log, tokens }: { clock: Clock; log: Log; tokens: string }) {
  const failed = new Set<string>();
  const throttledMs = new Map<string, number>();
  let succeededAtMs = Number.NEGATIVE_INFINITY;
  /** No probe is made with the failed keys, or one bad token could keep the circuit open. */
  let open: { untilMs: number; probe?: string | undefined; readonly failedKeys: Set<string> } | undefined;

  const state = () => (open === undefined ? 'closed' : clock.elapsed() < open.untilMs ? 'open' : 'half-open');
  /** Whole seconds, at least 1, until the next call may go out; undefined when the circuit is closed. */
  const retryAfterSeconds = () => open && Math.max(1, Math.ceil((open.untilMs - clock.elapsed()) / 1000));

  /** Whether a call with this token may go out. If so, `record` must follow. In a half-open circuit it is the probe. */
  function admits(key: string): boolean {
    if (open === undefined) return true;
    const halfOpenMs = clock.elapsed() - open.untilMs;
    if (halfOpenMs < 0 || open.probe !== undefined) return false;
    // When no other token has come for as long again, those that have failed are all there is.
    if (open.failedKeys.has(key) && halfOpenMs < OPEN_MS) return false;
    open.probe = key;
    return true;
  }

  function record(key: string, verdict: Verdict): void {
    const isProbe = open?.probe === key;
    if (open !== undefined && isProbe) open.probe = undefined;
    if (open && open.failedKeys.add(key).size > 1_000) open.failedKeys.clear(); // so that memory is bounded
    if (verdict.kind !== 'unavailable') succeed();
    else if (open !== undefined && !isProbe)
      return; // a call that was under way tells nothing new
    else if (verdict.cause === 'throttled') throttle(key, verdict.retryAfterSeconds);
    else if (verdict.cause !== 'busy') {
      throttledMs.clear();
      if (SERVICE_FAILURES.includes(verdict.cause)) fail(key);
    }
  }

  function succeed(): void {
    failed.clear();
    throttledMs.clear();
    succeededAtMs = clock.elapsed();
    if (open !== undefined) log('info', 'identity_circuit_closed', { tokens });
    open = undefined;
  }

  function fail(key: string): void {
    failed.add(key);
    const isAlone = clock.elapsed() - succeededAtMs >= SUCCESS_COUNTS_FOR_MS;
    if (open !== undefined || (failed.size >= TOKENS_TO_OPEN && isAlone)) openFor(OPEN_MS, 'failures');
  }

  function throttle(key: string, seconds = OPEN_MS / 1000): void {
    const ms = Math.min(seconds * 1000, MAX_THROTTLED_MS);
    if (throttledMs.size < TOKENS_TO_OPEN) throttledMs.set(key, ms);
    if (throttledMs.size >= TOKENS_TO_OPEN) openFor(Math.min(ms, ...throttledMs.values()), 'throttled');
  }

  function openFor(durationMs: number, reason: 'failures' | 'throttled'): void {
    if (open === undefined) log('warn', 'identity_circuit_opened', { reason, durationMs, tokens });
    open ??= { untilMs: 0, failedKeys: new Set() };
    open.untilMs = clock.elapsed() + durationMs;
  }

  return { state, retryAfterSeconds, admits, record };
}
