/** Logs each validation and each call of the identity service: what came of it, from where, and how long it took. */
import type { Clock } from '../clock';
import { IdentityUnavailableError, InvalidTokenError } from '../errors';
import type { Log, LogFields } from '../log';
import type { IdentityProvider } from './provider';
import type { BreakerState } from './resilient-provider';
import type { Validator } from './validator';

/** A card's id is whatever the identity service says. A line that is too long is cut, and is no JSON any more. */
const MAX_CARD_CHARACTERS = 200;

/** The same validator, which writes one line `token_validation` for each call of it. */
export function createLoggingValidator(
  validator: Validator,
  { breakerState, clock, log }: { breakerState: () => BreakerState; clock: Clock; log: Log },
): Validator {
  return {
    async authenticate(token) {
      const startedAtMs = clock();
      const report = (result: LogFields) =>
        log('info', 'token_validation', { ...result, durationMs: clock() - startedAtMs, breaker: breakerState() });
      try {
        const authentication = await validator.authenticate(token);
        const { source, identity } = authentication;
        report({ outcome: 'valid', source, card: identity.actionPackageId?.slice(0, MAX_CARD_CHARACTERS) });
        return authentication;
      } catch (error) {
        report(describeFailure(error));
        throw error;
      }
    },
  };
}

function describeFailure(error: unknown): LogFields {
  if (error instanceof InvalidTokenError) return { outcome: 'rejected', reason: error.reason };
  if (error instanceof IdentityUnavailableError) return { outcome: 'unavailable', reason: error.reason };
  return { outcome: 'failed' };
}

/** The same provider, which writes one line `identity_call` for each attempt: callers may share one, or need two. */
export function createLoggingProvider(
  provider: IdentityProvider,
  { clock, log }: { clock: Clock; log: Log },
): IdentityProvider {
  return {
    ...provider,
    async identify(token, signal) {
      const startedAtMs = clock();
      const verdict = await provider.identify(token, signal);
      const reason = verdict.kind === 'unavailable' ? verdict.cause : undefined;
      log('info', 'identity_call', { outcome: verdict.kind, reason, durationMs: clock() - startedAtMs });
      return verdict;
    },
  };
}
