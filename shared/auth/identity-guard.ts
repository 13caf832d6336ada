/** Keeps trouble of the identity service from becoming trouble of this backend. */
import type { Clock } from '../clock';
import { withDeadline } from '../deadline';
import type { Log } from '../log';
import { createAdaptiveQueue, type Enqueue } from './adaptive-queue';
import { BUDGET } from './budget';
import { createCircuitBreaker, SERVICE_FAILURES } from './circuit-breaker';
import type { IdentityProvider, Unavailable, UnavailableCause, Verdict } from './provider';

const MAX_CONCURRENT = 16;
const MAX_CONCURRENT_UNRECOGNIZED = 8; // of these, for tokens that do not have the provider's form
const MAX_ATTEMPTS = 2;
const RETRY_DELAY_MS = 50;
const ABORT_MS = 20; // for the provider to heed its abort; then the next call gets its slot all the same
const MARGIN = 1.25; // a queued call goes out if this many times the usual duration is left for it
const DEFAULT_RETRY_AFTER_SECONDS = 5;

/** It always says when to try again. */
export type GuardedVerdict = Exclude<Verdict, Unavailable> | (Unavailable & { readonly retryAfterSeconds: number });
export type IdentityGuard = ReturnType<typeof createIdentityGuard>;
type Options = { readonly attemptTimeoutMs: number; readonly clock: Clock; readonly log: Log };

/**
 * Adds to the provider: a deadline for each attempt, a second attempt after a transient failure, one repeat on a new
 * connection when a pooled one broke, a limit of concurrent calls, and a circuit breaker.
 *
 * @param options.attemptTimeoutMs 100 to 2500
 */
export function createIdentityGuard(provider: IdentityProvider, options: Options) {
  const { clock, log } = options;
  // A call that has the whole budget must end by its own timeout, which counts, not by the budget's end.
  const attemptTimeoutMs = Math.min(options.attemptTimeoutMs, BUDGET.identityMs - RETRY_DELAY_MS);
  const enqueue = createAdaptiveQueue(MAX_CONCURRENT);
  const enqueueFirst = createAdaptiveQueue(MAX_CONCURRENT_UNRECOGNIZED);
  const enqueueTwice: Enqueue = (call, canFinish) => enqueueFirst(() => enqueue(call, canFinish), canFinish);
  const recognized = { breaker: createCircuitBreaker({ clock, log, tokens: 'recognized' }), enqueue };
  const unrecognized = { breaker: createCircuitBreaker({ clock, log, tokens: 'unrecognized' }), enqueue: enqueueTwice };
  const laneOf = (token: string) => (provider.recognizes?.(token) === false ? unrecognized : recognized);
  let averageMs = 0; // of a call; the latest count most

  async function call(token: string, budget: AbortSignal, newConnection: boolean): Promise<Verdict> {
    const startedAtMs = clock.elapsed();
    const verdict = await withDeadline(
      attemptTimeoutMs,
      (signal) => provider.identify(token, AbortSignal.any([signal, budget]), { newConnection }),
      // The aborted provider's own verdict knows whether the connection was a pooled one.
      (late) => withDeadline(ABORT_MS, () => late.catch(timedOut), timedOut),
    );
    const durationMs = Math.round(clock.elapsed() - startedAtMs);
    averageMs += (durationMs - averageMs) / 4;
    const { cause: reason, errorCode, onReusedConnection } = isUnavailable(verdict) ? verdict : NO_FAILURE;
    const connection = onReusedConnection ? 'reused' : undefined;
    log('info', 'identity_call', { outcome: verdict.kind, reason, errorCode, connection, durationMs });
    return verdict;
  }

  /** Settles within `BUDGET.identityMs`. @param key identifies the token without being it */
  async function identify(token: string, key: string): Promise<GuardedVerdict> {
    const { breaker, enqueue } = laneOf(token);
    const startedAtMs = clock.elapsed();
    let attempts = 0;

    async function attempt(budget: AbortSignal): Promise<Verdict> {
      if (!breaker.admits(key)) return unavailable('circuit_open');
      attempts += 1;
      let verdict = unavailable('busy');
      try {
        verdict = await call(token, budget, attempts > 1);
        // A broken pooled connection says nothing about the service: it is neither an attempt nor a failure.
        const isStale = attempts === 1 && isUnavailable(verdict) && verdict.onReusedConnection;
        if (isStale && !budget.aborted) verdict = await call(token, budget, true);
        return verdict;
      } finally {
        // A call that the end of the budget cut short says nothing either.
        breaker.record(key, budget.aborted ? unavailable('busy') : verdict);
      }
    }

    async function attemptTwice(budget: AbortSignal): Promise<Verdict> {
      const canStillFinish = (roundsAhead: number) =>
        !budget.aborted && clock.elapsed() - startedAtMs + (roundsAhead + MARGIN) * averageMs <= BUDGET.identityMs;
      let verdict = unavailable('circuit_open');
      for (let n = 1; ; n += 1) {
        // Checked here, too, so that an open circuit answers at once, not when a slot is free.
        if (breaker.state() === 'open' || budget.aborted) return verdict;
        verdict = (await enqueue(() => attempt(budget), canStillFinish)) ?? unavailable('busy');
        if (n === MAX_ATTEMPTS || !isTransient(verdict)) return verdict;
        await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
      }
    }

    const onTimeout = () => unavailable(attempts > 0 ? 'timeout' : 'busy');
    const verdict = await withDeadline(BUDGET.identityMs, attemptTwice, onTimeout);
    if (!isUnavailable(verdict)) return verdict;
    const retryAfterSeconds = breaker.retryAfterSeconds() ?? DEFAULT_RETRY_AFTER_SECONDS;
    return { ...verdict, retryAfterSeconds: verdict.retryAfterSeconds ?? retryAfterSeconds };
  }

  return { identify, breakerState: (token: string) => laneOf(token).breaker.state() };
}

const NO_FAILURE: Partial<Unavailable> = {};
const unavailable = (cause: UnavailableCause): Verdict => ({ kind: 'unavailable', cause });
const timedOut = () => unavailable('timeout');
const isUnavailable = (verdict: Verdict): verdict is Unavailable => verdict.kind === 'unavailable';
/** What another attempt may fix, unless the service says when to come back. */
const isTransient = (verdict: Verdict) =>
  isUnavailable(verdict) && SERVICE_FAILURES.includes(verdict.cause) && verdict.retryAfterSeconds === undefined;
