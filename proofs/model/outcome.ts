/** What a caller gets, in a form in which two can be compared. */
import type { Source, Validation } from '../../shared/auth/validator';

export type Outcome = { readonly source: Source } & (
  | {
      readonly kind: 'valid';
      /** The question that the identity answers. */
      readonly question: number;
      readonly validatedAtMs: number;
      readonly expiresAtMs: number;
    }
  | { readonly kind: 'rejected'; readonly reason: 'expired' | 'rejected' }
  | { readonly kind: 'unavailable'; readonly cause: string; readonly retryAfterSeconds: number }
  /** What must not be: an exception, or an identity that someone could change. */
  | { readonly kind: 'bug'; readonly what: string }
);

export function toOutcome(validating: Promise<Validation>): Promise<Outcome> {
  return validating.then(describe, (error) => ({ kind: 'bug', source: 'none', what: String(error) }));
}

function describe(validation: Validation): Outcome {
  const { kind, source } = validation;
  if (kind === 'rejected') return { kind, source, reason: validation.reason };
  if (kind === 'unavailable') {
    return { kind, source, cause: validation.cause, retryAfterSeconds: validation.retryAfterSeconds };
  }
  const { identity, validatedAtMs, expiresAtMs } = validation;
  if (!Object.isFrozen(identity)) return { kind: 'bug', source, what: 'The identity is not frozen.' };
  return { kind, source, question: Number(identity.id), validatedAtMs, expiresAtMs };
}
