/** Keeps trouble of the identity service from becoming trouble of this backend. */
import type { Clock } from '../clock';
import { withDeadline } from '../deadline';
import type { Log } from '../log';
import { type AdaptiveQueue, createAdaptiveQueue } from './adaptive-queue';
import { BUDGET } from './budget';
import { type CircuitBreaker, createCircuitBreaker } from './circuit-breaker';
import type { IdentityProvider, UnavailableCause, Verdict } from './provider';

const MAX_CONCURRENT = 16;
/** Of these, for tokens that do not have the provider's form. */
const MAX_CONCURRENT_UNRECOGNIZED = 8;
const MAX_ATTEMPTS = 2;
const RETRY_DELAY_MS = 50;
/** In which the provider ends a call that timed out, or its slot is given to the next call all the same. */
const ABORT_MS = 20;
/** A queued call goes out if this many times the usual duration is left for it. */
const MARGIN = 1.25;
const DEFAULT_RETRY_AFTER_SECONDS = 5;
/** What another attempt may fix, unless the service says when to come back. */
const TRANSIENT: ReadonlySet<UnavailableCause> = new Set<UnavailableCause>(['timeout', 'unreachable', 'server_error']);

type Unavailable = Extract<Verdict, { kind: 'unavailable' }>;
/** It always says when to try again. */
export type GuardedVerdict = Exclude<Verdict, Unavailable> | (Unavailable & { readonly retryAfterSeconds: number });

export interface IdentityGuard {
  /** Settles within `BUDGET.identityMs`. @param key identifies the token without being it */
  identify(token: string, key: string): Promise<GuardedVerdict>;
  breakerState(): ReturnType<CircuitBreaker['state']>;
}

/** Tokens that do not have the provider's form have fewer slots, and a circuit that opens for them alone. */
interface Lane {
  readonly breaker: CircuitBreaker;
  readonly run: AdaptiveQueue['run'];
}

interface Ask {
  readonly token: string;
  readonly key: string;
  readonly lane: Lane;
  readonly startedAtMs: number;
  attempts: number;
}

/**
 * Adds to the provider: a deadline for each attempt, a second attempt after a transient failure, one repeat on a new
 * connection when a pooled one broke, a limit of concurrent calls, and a circuit breaker.
 *
 * @param options.attemptTimeoutMs 100 to 2500
 */
export function createIdentityGuard(
  provider: IdentityProvider,
  options: { attemptTimeoutMs: number; clock: Clock; log: Log },
): IdentityGuard {
  const { clock, log } = options;
  // A call that has the whole budget must end by its own timeout, which counts, not by the budget's end.
  const attemptTimeoutMs = Math.min(options.attemptTimeoutMs, BUDGET.identityMs - RETRY_DELAY_MS);
  const queue = createAdaptiveQueue(MAX_CONCURRENT);
  const unrecognizedQueue = createAdaptiveQueue(MAX_CONCURRENT_UNRECOGNIZED);
  const recognized: Lane = { breaker: createCircuitBreaker(options), run: queue.run };
  const unrecognized: Lane = {
    breaker: createCircuitBreaker(options),
    run: (call, canStillFinish) => unrecognizedQueue.run(() => queue.run(call, canStillFinish), canStillFinish),
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
      verdict = (await lane.run(() => attempt(ask, budget), canStillFinish)) ?? unavailable('busy');
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
      verdict = await call(token, budget, ask.attempts > 1);
      // Says nothing about the service, so it is neither an attempt nor a failure.
      const isRepeated = ask.attempts === 1 && failedOnReusedConnection(verdict) && !budget.aborted;
      if (isRepeated) verdict = await call(token, budget, true);
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
    logCall(log, verdict, durationMs);
    return verdict;
  }

  return {
    async identify(token, key) {
      const lane = provider.recognizes?.(token) === false ? unrecognized : recognized;
      const ask: Ask = { token, key, lane, startedAtMs: clock.elapsed(), attempts: 0 };
      const verdict = await withDeadline(
        BUDGET.identityMs,
        (budget) => attempts(ask, budget),
        () => unavailable(ask.attempts > 0 ? 'timeout' : 'busy'),
      );
      if (verdict.kind !== 'unavailable') return verdict;
      const retryAfterSeconds = lane.breaker.retryAfterSeconds() ?? DEFAULT_RETRY_AFTER_SECONDS;
      return { ...verdict, retryAfterSeconds: verdict.retryAfterSeconds ?? retryAfterSeconds };
    },
    breakerState: recognized.breaker.state,
  };
}

const timedOut = () => unavailable('timeout');

function unavailable(cause: UnavailableCause): Verdict {
  return { kind: 'unavailable', cause };
}

function failedOnReusedConnection(verdict: Verdict): boolean {
  return verdict.kind === 'unavailable' && verdict.onReusedConnection === true;
}

function isTransient(verdict: Verdict): boolean {
  return verdict.kind === 'unavailable' && verdict.retryAfterSeconds === undefined && TRANSIENT.has(verdict.cause);
}

function logCall(log: Log, verdict: Verdict, durationMs: number): void {
  const failure = verdict.kind === 'unavailable' ? verdict : undefined;
  log('info', 'identity_call', {
    outcome: verdict.kind,
    reason: failure?.cause,
    errorCode: failure?.errorCode,
    connection: failure?.onReusedConnection ? 'reused' : undefined,
    durationMs: Math.round(durationMs),
  });
}
