/** What a caller gets, in a form that two can be compared in. */
import type { Authentication } from '../../shared/auth/validator';
import { IdentityUnavailableError, InvalidTokenError } from '../../shared/errors';

export type Outcome =
  | {
      readonly kind: 'valid';
      readonly source: Authentication['source'];
      /** The question that the identity answers. */
      readonly question: number;
      readonly validatedAtMs: number;
      readonly expiresAtMs: number;
    }
  | { readonly kind: 'expired' | 'rejected' | 'malformed' }
  | { readonly kind: 'unavailable'; readonly reason: string; readonly retryAfterSeconds: number }
  /** What must not be: an error that the contract does not name, or an identity that somebody could change. */
  | { readonly kind: 'bug'; readonly what: string };

export function toOutcome(authentication: Promise<Authentication>): Promise<Outcome> {
  return authentication.then(describeSuccess, describeFailure);
}

function describeSuccess({ identity, source, validatedAtMs, expiresAtMs }: Authentication): Outcome {
  if (!Object.isFrozen(identity)) return { kind: 'bug', what: 'The identity is not frozen.' };
  return { kind: 'valid', source, question: Number(identity.id), validatedAtMs, expiresAtMs };
}

function describeFailure(error: unknown): Outcome {
  if (error instanceof InvalidTokenError) return { kind: error.reason };
  if (!(error instanceof IdentityUnavailableError)) return { kind: 'bug', what: String(error) };
  return { kind: 'unavailable', reason: error.reason, retryAfterSeconds: error.retryAfterSeconds };
}
