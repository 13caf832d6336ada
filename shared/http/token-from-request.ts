/** Finds the token in a request, in exactly one of three places, and screens it before anything is done with it. */
import { Problem } from '../problem';
import { countMembers } from './count-members';
import type { JsonBody } from './json-body';

const MAX_TOKEN_BYTES = 8 * 1024;
/** RFC 6750 §2.1. It leaves out blanks, control characters and all above ASCII, which a header cannot carry safely. */
const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/**
 * Throws the Problem `invalid_request` (two places, a repeated header or member, a malformed `Bearer`), `invalid_token`
 * (too long, or not of the characters of RFC 6750), `token_missing`, or that of a body which may hold the token.
 */
export function tokenFromRequest(headers: { get(name: string): string | null }, body: JsonBody): string {
  const found = [
    fromAuthorization(headers.get('authorization')),
    fromHeader(headers.get('accesstoken')),
    fromBody(body),
  ].filter((token) => token !== undefined);
  // RFC 6750 §2: no more than one way in a request; equal tokens are no excuse.
  if (found.length > 1) throw new Problem('invalid_request', 'Send the token in one place only.');
  const [token] = found;
  if (token !== undefined) return screen(token);
  // "No token" would make a card fetch new tokens in a loop, when the one it sent is in a body that was not read.
  throw body.kind === 'unreadable' ? body.problem : new Problem('token_missing');
}

function fromAuthorization(value: string | null): string | undefined {
  // Another scheme is no token of ours; but one Bearer of several, which the host joined with commas, is.
  if (value === null || !/(^|,)\s*bearer(\s|,|$)/i.test(value)) return undefined;
  // RFC 9110 §11.1: the scheme in any letter case; RFC 6750 §2.1: one blank or more, then the token.
  const token = /^bearer +([^\s,]+)$/i.exec(value)?.[1];
  if (token !== undefined) return token;
  throw new Problem('invalid_request', 'Send one Authorization header, of the form: Bearer <token>.');
}

/** An empty header counts as absent. */
function fromHeader(value: string | null): string | undefined {
  if (!value?.includes(',')) return value || undefined;
  throw new Problem('invalid_request', 'Send the header accessToken once, with one token.');
}

function fromBody(body: JsonBody): string | undefined {
  if (body.kind !== 'json' || !isObjectWithToken(body.value)) return undefined;
  const { accessToken } = body.value;
  if (typeof accessToken === 'string' && countMembers(body.text, 'accessToken') === 1) return accessToken;
  throw new Problem('invalid_request', 'Send the member accessToken once, as a string.');
}

/** The body without the token, which is nobody's business after authentication. */
export function withoutToken(body: JsonBody): JsonBody {
  if (body.kind !== 'json' || !isObjectWithToken(body.value)) return body;
  const { accessToken: _, ...value } = body.value;
  return { ...body, value };
}

function isObjectWithToken(value: unknown): value is { accessToken: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, 'accessToken');
}

function screen(token: string): string {
  if (Buffer.byteLength(token) > MAX_TOKEN_BYTES) throw malformed('The token is longer than 8 KiB.');
  if (B64TOKEN.test(token)) return token;
  throw malformed('The token is empty, or has characters that RFC 6750 does not allow.');
}

function malformed(detail: string): Problem {
  return new Problem('invalid_token', detail, { reason: 'malformed' });
}
