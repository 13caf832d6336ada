/** Tokens of every kind, and what is known of each. */
import type { IdentityService } from '../../local/identity-service/create-identity-service';
import { jwtExpiresAtMs } from '../../shared/auth/jwt-expiry';
import type { SoakHost } from './stand';

/** Whose a note is: a user in a card. */
export interface Owner {
  readonly user: string;
  readonly card: string;
}

export interface Token {
  readonly text: string;
  /** `foreign`: good, but of a card that is not allowed. `forged`: the identity service never made it. */
  readonly kind: 'good' | 'foreign' | 'forged';
  readonly owner: Owner;
  readonly expiresAtMs: number;
  /** Those that have its verdict in memory. */
  readonly knownTo: Set<SoakHost>;
  /** Whether the table must have its row. */
  hasRow: boolean;
}

export interface Mint {
  good(owner: Owner, lifetimeSeconds: number): Token;
  foreign(owner: Owner): Token;
  /** What any caller can make up: a word, or a token of the owner with somebody else's signature. */
  forged(owner: Owner, form: 'word' | 'jwt'): Token;
}

/** For those that shall not expire meanwhile. */
export const LONG_SECONDS = 1_800;

export function createMint(identity: IdentityService): Mint {
  const mint = ({ user, card }: Owner, lifetimeSeconds: number) => identity.mint({ user, card, lifetimeSeconds });
  let words = 0;
  return {
    good: (owner, lifetimeSeconds) => toToken('good', owner, mint(owner, lifetimeSeconds)),
    foreign: (owner) => toToken('foreign', owner, mint({ ...owner, card: 'card-other' }, LONG_SECONDS)),
    forged(owner, form) {
      words += 1;
      const [head, claims] = mint(owner, LONG_SECONDS).split('.');
      const [, , signature] = mint({ ...owner, card: 'card-other' }, LONG_SECONDS).split('.');
      return toToken('forged', owner, form === 'word' ? `made-up-${words}` : `${head}.${claims}.${signature}`);
    },
  };
}

function toToken(kind: Token['kind'], owner: Owner, text: string): Token {
  const expiresAtMs = jwtExpiresAtMs(text) ?? Number.POSITIVE_INFINITY;
  return { text, kind, owner, expiresAtMs, knownTo: new Set(), hasRow: false };
}
