/** Mints and verifies the stand-in's tokens: JWTs (RFC 7519) signed with HS256 under a key of this process. */
import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';

export const defaultLifetimeSeconds = 1800;

export interface Claims {
  readonly iss: string;
  readonly sub: string;
  /** The user's key in the list of sample users. */
  readonly uid: string;
  readonly actionPackageId: string;
  /** Seconds since the epoch, as `exp`. */
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
}

export interface MintOptions {
  readonly user: string;
  readonly subject: string;
  readonly card: string;
  /** Default 1800. Negative for a token that has expired already. */
  readonly lifetimeSeconds?: number;
}

export interface TokenMint {
  mint(options: MintOptions): { accessToken: string; expiresAtMs: number };
  /** The claims, or undefined when the signature is not this mint's or the token has expired. */
  verify(token: string): Claims | undefined;
}

export function createTokenMint(now: () => number): TokenMint {
  const key = randomBytes(32);
  const sign = (signed: string) => createHmac('sha256', key).update(signed).digest();
  const header = encode({ alg: 'HS256', typ: 'JWT' });

  return {
    mint({ user, subject, card, lifetimeSeconds = defaultLifetimeSeconds }) {
      const iat = Math.floor(now() / 1000);
      const exp = iat + lifetimeSeconds;
      const claims: Claims = {
        iss: 'identity-service-stand-in',
        sub: subject,
        uid: user,
        actionPackageId: card,
        iat,
        exp,
        // Makes each token unique, also two of the same second.
        jti: randomUUID(),
      };
      const signed = `${header}.${encode(claims)}`;
      return { accessToken: `${signed}.${sign(signed).toString('base64url')}`, expiresAtMs: exp * 1000 };
    },
    verify(token) {
      const [tokenHeader, payload, signature, ...rest] = token.split('.');
      if (tokenHeader === undefined || payload === undefined || signature === undefined || rest.length > 0)
        return undefined;
      const expected = sign(`${tokenHeader}.${payload}`);
      const given = Buffer.from(signature, 'base64url');
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims;
      return claims.exp * 1000 > now() ? claims : undefined;
    },
  };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
