/** Reads when a token that looks like a JWT says it expires. Unverified: it may only shorten a token's life. */

/**
 * Milliseconds since the epoch, or undefined when the token is no JWT or has no `exp` that is a number.
 * RFC 7519 §2: a NumericDate counts seconds and may have a fraction.
 */
export function jwtExpiresAtMs(token: string): number | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  try {
    const { exp } = JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString('utf8')) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1000 : undefined;
  } catch {
    return undefined; // no JSON, or null
  }
}
