/** Decides on every request, cached or not, whether the identity's card may use this API. */
import type { Identity } from './provider';

/** The identity that a request runs as: its card is on the allow-list. */
export type Principal = Identity & { readonly actionPackageId: string };

/** @param allowedCardIds compared exactly, letter case included */
export function isAllowed(identity: Identity, allowedCardIds: ReadonlySet<string>): identity is Principal {
  return identity.actionPackageId !== null && allowedCardIds.has(identity.actionPackageId);
}
