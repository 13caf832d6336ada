/** Keeps trouble of the identity service from becoming trouble of this backend. */
import {
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  ConstantBackoff,
  circuitBreaker,
  handleWhenResult,
  isBrokenCircuitError,
  retry,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
} from 'cockatiel';
import { type Clock, uptime } from '../clock';
import type { Log } from '../log';
import { createCallLimit, NoTurnError } from './call-limit';
import type { IdentityProvider, UnavailableCause, Verdict } from './provider';

const MAX_CALLS_AT_A_TIME = 16;
/** Of these 16, the most for tokens that the provider does not recognize. */
const MAX_UNRECOGNIZED_AT_A_TIME = 8;
/** For a token's calls and the wait for their turns: of a flight's 2.7 s, what reading the table leaves. */
const BUDGET_MS = 2_450;
/** A call that has waited is made if this many times what calls take at present is left of the budget. */
const MARGIN = 1.25;
const MAX_ATTEMPTS = 2;
const RETRY_DELAY_MS = 50;
const FAILURES_TO_OPEN = 5;
const OPEN_MS = 5_000;

/** Isolated is what nobody asks of this circuit. */
const BREAKER_STATES = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Isolated]: 'open',
} as const;

export type BreakerState = (typeof BREAKER_STATES)[CircuitState];

export interface ResilientProvider extends IdentityProvider {
  readonly breakerState: () => BreakerState;
}

/**
 * The same provider with a deadline for each attempt, one repeat after a passing fault, a cap on calls at a time, and
 * a circuit breaker. A rejection never counts as a failure: a flood of junk must not lock good users out.
 *
 * @param options.attemptTimeoutMs 100 to 2500
 */
export function createResilientProvider(
  provider: IdentityProvider,
  options: { attemptTimeoutMs: number; clock: Clock; log: Log },
): ResilientProvider {
  const { attemptTimeoutMs, clock } = options;
  const repeat = retry(handleWhenResult(isPassing), {
    maxAttempts: MAX_ATTEMPTS - 1,
    backoff: new ConstantBackoff(RETRY_DELAY_MS),
  });
  // Outside of the breaker: what waits when the circuit opens makes no call in its turn.
  const calls = createCallLimit(MAX_CALLS_AT_A_TIME);
  const unrecognizedCalls = createCallLimit(MAX_UNRECOGNIZED_AT_A_TIME);
  const breaker = circuitBreaker(handleWhenResult(isOutage), {
    breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
    halfOpenAfter: OPEN_MS,
  });
  const deadline = timeout(attemptTimeoutMs, TimeoutStrategy.Aggressive);
  const secondsUntilRetry = trackCircuit(breaker, options);
  let usualMs = 0;
  let toldToWaitUntilMs = 0;

  async function attempt(token: string, signal: AbortSignal): Promise<Verdict> {
    try {
      return await deadline.execute((context) => provider.identify(token, context.signal), signal);
    } catch (error) {
      if (!(error instanceof TaskCancelledError)) throw error;
      // Its own deadline is a failure of the service. That the caller's budget ran out, after waiting for its turn, is
      // none; but a probe of the circuit that tells nothing must not close it.
      if (signal.aborted && breaker.state === CircuitState.Closed) throw error;
      return unavailable('timeout');
    }
  }

  /** Keeps up what calls usually take: an average in which the latest count the most. */
  async function timed(call: () => Promise<Verdict>): Promise<Verdict> {
    const startedAtMs = uptime();
    const verdict = await call();
    usualMs += (uptime() - startedAtMs - usualMs) / 4;
    return verdict;
  }

  return {
    name: provider.name,
    endpoint: provider.endpoint,
    async identify(token, signal) {
      const askedAtMs = uptime();
      const canFinish = (rounds: number) =>
        !signal.aborted && uptime() - askedAtMs + (rounds + MARGIN) * usualMs <= BUDGET_MS;
      // Not the policy's own signal: a call that waited for a half-open circuit would lose its deadline with it.
      const guarded = () => breaker.execute(() => timed(() => attempt(token, signal)), signal);
      const inTurn = () => calls.run(guarded, canFinish);
      const looksLikeJunk = provider.recognizes?.(token) === false;
      const once = looksLikeJunk ? () => unrecognizedCalls.run(inTurn, canFinish) : inTurn;
      const verdict = await repeat.execute(once, signal).catch(toUnavailable);
      if (!isUnavailable(verdict)) return verdict;
      if (verdict.retryAfterSeconds !== undefined) toldToWaitUntilMs = clock() + verdict.retryAfterSeconds * 1000;
      return { retryAfterSeconds: secondsUntilRetry(toldToWaitUntilMs), ...verdict };
    },
    breakerState: () => BREAKER_STATES[breaker.state],
  };
}

function unavailable(cause: UnavailableCause): Verdict & { kind: 'unavailable' } {
  return { kind: 'unavailable', cause };
}

function isUnavailable(verdict: unknown): verdict is Verdict & { kind: 'unavailable' } {
  return (verdict as Verdict).kind === 'unavailable';
}

/** What a second attempt may mend: unless the service says when to come back. */
function isPassing(verdict: unknown): boolean {
  if (!isUnavailable(verdict) || verdict.retryAfterSeconds !== undefined) return false;
  return ['timeout', 'unreachable', 'server_error'].includes(verdict.cause);
}

/** An answer that is not understood, a 404 say, may be about one token: who sends many must not lock out the others. */
function isOutage(verdict: unknown): boolean {
  return isUnavailable(verdict) && verdict.cause !== 'unexpected_answer';
}

function toUnavailable(error: unknown): Verdict {
  if (isBrokenCircuitError(error)) return unavailable('circuit_open');
  if (error instanceof NoTurnError || error instanceof TaskCancelledError) return unavailable('busy');
  throw error;
}

/**
 * Logs the circuit's changes of state, and tells in how many seconds (at least 1) to ask again: when it is open and lets a
 * call through, but not before the time that the service itself has told.
 */
function trackCircuit(
  breaker: CircuitBreakerPolicy,
  { clock, log }: { clock: Clock; log: Log },
): (toldToWaitUntilMs: number) => number {
  let reopensAtMs = 0;
  let open = false;
  breaker.onBreak(() => {
    reopensAtMs = clock() + OPEN_MS;
    if (!open) log('warn', 'identity_circuit_opened');
    open = true;
  });
  breaker.onReset(() => {
    open = false;
    log('info', 'identity_circuit_closed');
  });
  return (toldToWaitUntilMs) => {
    const waitMs = open ? Math.max(reopensAtMs, toldToWaitUntilMs) - clock() : OPEN_MS;
    return Math.max(1, Math.ceil(waitMs / 1000));
  };
}
