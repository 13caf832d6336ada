/** Keeps trouble of the identity service from becoming trouble of this backend. */
import type { Clock } from '../clock';
import { withDeadline } from '../deadline';
import type { Log } from '../log';
import { createAdaptiveQueue, type Enqueue } from './adaptive-queue';
import { BUDGET } from './budget';
import { type CircuitBreaker, createCircuitBreaker, SERVICE_FAILURES } from './circuit-breaker';
import type { IdentityProvider, Unavailable, UnavailableCause, Verdict } from './provider';

const MAX_CONCURRENT = 16;
/** Of these, for tokens that do not have the provider's form. */
const MAX_CONCURRENT_UNRECOGNIZED = 8;
const MAX_ATTEMPTS = 2;
const RETRY_DELAY_MS = 50;
/** How long a provider may take to heed its abort before its slot is given to the next call all the same. */
const ABORT_MS = 20;
/** A queued call goes out if this many times the usual duration is left for it. */
const MARGIN = 1.25;
const DEFAULT_RETRY_AFTER_SECONDS = 5;

/** It always says when to try again. */
export type GuardedVerdict = Exclude<Verdict, Unavailable> | (Unavailable & { readonly retryAfterSeconds: number });

export type IdentityGuard = ReturnType<typeof createIdentityGuard>;
type Lane = { readonly breaker: CircuitBreaker; readonly enqueue: Enqueue };
type Ask = { readonly token: string; readonly key: string; readonly lane: Lane; startedAtMs: number; attempts: number };

/**
 * Adds to the provider: a deadline for each attempt, a second attempt after a transient failure, one repeat on a new
 * connection when a pooled one broke, a limit of concurrent calls, and a circuit breaker.
 *
 * @param options.attemptTimeoutMs 100 to 2500
 */
export function createIdentityGuard(
  provider: IdentityProvider,
  options: { attemptTimeoutMs: number; clock: Clock; log: Log },
) {
  const { clock, log } = options;
  // A call that has the whole budget must end by its own timeout, which counts, not by the budget's end.
  const attemptTimeoutMs = Math.min(options.attemptTimeoutMs, BUDGET.identityMs - RETRY_DELAY_MS);
  const enqueue = createAdaptiveQueue(MAX_CONCURRENT);
  const enqueueUnrecognized = createAdaptiveQueue(MAX_CONCURRENT_UNRECOGNIZED);
  const recognized: Lane = { breaker: createCircuitBreaker({ ...options, tokens: 'recognized' }), enqueue };
  const unrecognized: Lane = {
    breaker: createCircuitBreaker({ ...options, tokens: 'unrecognized' }), // opens for such tokens alone
    enqueue: (call, canFinish) => enqueueUnrecognized(() => enqueue(call, canFinish), canFinish),
  };
  let averageMs = 0; // of a call; the latest count most

  async function attempts(ask: Ask, budget: AbortSignal): Promise<Verdict> {
    const { lane, startedAtMs } = ask;
    const canStillFinish = (roundsAhead: number) =>
      !budget.aborted && clock.elapsed() - startedAtMs + (roundsAhead + MARGIN) * averageMs <= BUDGET.identityMs;
    let verdict = unavailable('circuit_open');
    for (let n = 1; ; n += 1) {
      // Checked here, too, so that an open circuit answers at once, not when a slot is free.
      if (lane.breaker.state() === 'open' || budget.aborted) return verdict;
      verdict = (await lane.enqueue(() => attempt(ask, budget), canStillFinish)) ?? unavailable('busy');
      if (n === MAX_ATTEMPTS || !isTransient(verdict)) return verdict;
      await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
    }
  }

  async function attempt(ask: Ask, budget: AbortSignal): Promise<Verdict> {
    const { token, key, lane } = ask;
    if (!lane.breaker.admits(key)) return unavailable('circuit_open');
    let verdict = unavailable('busy');
    try {
      ask.attempts += 1;
      const isFirst = ask.attempts === 1;
      verdict = await call(token, budget, !isFirst);
      // A broken pooled connection says nothing about the service: it is neither an attempt nor a failure.
      const isStale = isUnavailable(verdict) && verdict.onReusedConnection;
      if (isFirst && isStale && !budget.aborted) verdict = await call(token, budget, true);
      return verdict;
    } finally {
      // A call that the end of the budget cut short says nothing either.
      lane.breaker.record(key, budget.aborted ? unavailable('busy') : verdict);
    }
  }

  async function call(token: string, budget: AbortSignal, newConnection: boolean): Promise<Verdict> {
    const startedAtMs = clock.elapsed();
    const verdict = await withDeadline(
      attemptTimeoutMs,
      (signal) => provider.identify(token, AbortSignal.any([signal, budget]), { newConnection }),
      // The aborted provider's own verdict knows whether the connection was a pooled one.
      (late) => withDeadline(ABORT_MS, () => late.catch(timedOut), timedOut),
    );
    const durationMs = clock.elapsed() - startedAtMs;
    averageMs += (durationMs - averageMs) / 4;
    const {
      cause: reason,
      errorCode,
      onReusedConnection = false,
    }: Partial<Unavailable> = isUnavailable(verdict) ? verdict : {};
    const connection = onReusedConnection ? 'reused' : undefined;
    log('info', 'identity_call', {
      outcome: verdict.kind,
      reason,
      errorCode,
      connection,
      durationMs: Math.round(durationMs),
    });
    return verdict;
  }

  /** Settles within `BUDGET.identityMs`. @param key identifies the token without being it */
  async function identify(token: string, key: string): Promise<GuardedVerdict> {
    const lane = provider.recognizes?.(token) === false ? unrecognized : recognized;
    const ask: Ask = { token, key, lane, startedAtMs: clock.elapsed(), attempts: 0 };
    const onTimeout = () => unavailable(ask.attempts > 0 ? 'timeout' : 'busy');
    const verdict = await withDeadline(BUDGET.identityMs, (budget) => attempts(ask, budget), onTimeout);
    if (!isUnavailable(verdict)) return verdict;
    const retryAfterSeconds = lane.breaker.retryAfterSeconds() ?? DEFAULT_RETRY_AFTER_SECONDS;
    return { ...verdict, retryAfterSeconds: verdict.retryAfterSeconds ?? retryAfterSeconds };
  }

  return { identify, breakerState: recognized.breaker.state };
}

const unavailable = (cause: UnavailableCause): Verdict => ({ kind: 'unavailable', cause });
const timedOut = () => unavailable('timeout');
const isUnavailable = (verdict: Verdict): verdict is Unavailable => verdict.kind === 'unavailable';
/** What another attempt may fix, unless the service says when to come back. */
const isTransient = (verdict: Verdict) =>
  isUnavailable(verdict) && SERVICE_FAILURES.includes(verdict.cause) && verdict.retryAfterSeconds === undefined;
