/** Decides on every request, whatever the cache says, whether the identity's card may use this API. */
import { InsufficientScopeError } from '../errors';
import type { Identity, Principal } from './principal';

export type Authorize = (identity: Identity) => Principal;

/** @param allowedCardIds compared exactly, letter case included */
export function createAuthorize(allowedCardIds: ReadonlySet<string>): Authorize {
  /** Throws InsufficientScopeError when the card is not on the allow-list. */
  return function authorize(identity) {
    if (!isPrincipal(identity, allowedCardIds)) throw new InsufficientScopeError();
    return identity;
  };
}

function isPrincipal(identity: Identity, allowedCardIds: ReadonlySet<string>): identity is Principal {
  return identity.actionPackageId !== null && allowedCardIds.has(identity.actionPackageId);
}
