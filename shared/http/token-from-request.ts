/** Finds the token in a request, in exactly one of three places, and screens it before anything is done with it. */
import { Problem } from '../problem';
import type { JsonBody } from './json-body';

/** RFC 6750 §2.1. It leaves out blanks, control characters and all above ASCII, which a header cannot carry safely. */
const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/** Throws the Problem `invalid_request`, `invalid_token`, `token_missing`, or that of a body which may hold the token. */
export function tokenFromRequest(headers: Pick<Headers, 'get'>, body: JsonBody): string {
  const bearer = fromAuthorization(headers.get('authorization'));
  const header = headers.get('accesstoken') || undefined; // an empty header counts as absent
  if (header?.includes(',')) throw new Problem('invalid_request', 'Send the header accessToken once, with one token.');
  const [token, another] = [bearer, header, fromBody(body)].filter((found) => found !== undefined);
  // RFC 6750 §2: no more than one way in a request; equal tokens are no excuse.
  if (another !== undefined) throw new Problem('invalid_request', 'Send the token in one place only.');
  // "No token" would make a card fetch new tokens in a loop, when the one it sent is in a body that was not read.
  if (token === undefined) throw body.kind === 'unreadable' ? body.problem : new Problem('token_missing');
  const isTooLong = Buffer.byteLength(token) > 8 * 1024;
  if (!isTooLong && B64TOKEN.test(token)) return token;
  const rule = isTooLong ? 'is longer than 8 KiB' : 'is empty, or has characters that RFC 6750 does not allow';
  throw new Problem('invalid_token', `The token ${rule}.`, { reason: 'malformed' });
}

function fromAuthorization(value: string | null): string | undefined {
  // Another scheme is no token of ours; but one Bearer of several, which the host joined with commas, is.
  if (value === null || !/(^|,)\s*bearer(\s|,|$)/i.test(value)) return undefined;
  // RFC 9110 §11.1: the scheme in any letter case; RFC 6750 §2.1: one blank or more, then the token.
  const token = /^bearer +([^\s,]+)$/i.exec(value)?.[1];
  if (token !== undefined) return token;
  throw new Problem('invalid_request', 'Send one Authorization header, of the form: Bearer <token>.');
}

function fromBody(body: JsonBody): string | undefined {
  if (!holdsToken(body)) return undefined;
  const { accessToken } = body.value;
  if (typeof accessToken === 'string' && countMembers(body.text, 'accessToken') === 1) return accessToken;
  throw new Problem('invalid_request', 'Send the member accessToken once, as a string.');
}

/** After authentication, the token is no one's business. */
export function withoutToken(body: JsonBody): JsonBody {
  if (!holdsToken(body)) return body;
  const { accessToken: _, ...value } = body.value;
  return { ...body, value };
}

function holdsToken(body: JsonBody): body is JsonBody & { kind: 'json'; value: { accessToken: unknown } } {
  const value = body.kind === 'json' && body.value;
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, 'accessToken');
}

/** How often the valid JSON object has the member at its top level, in any spelling. JSON.parse keeps the last of them. */
export function countMembers(json: string, name: string): number {
  let [count, depth] = [0, 0];
  // Strings, each with the colon that makes it a member's name, and brackets.
  for (const [token, colon] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    else if (depth === 1 && colon !== undefined && JSON.parse(token.slice(0, -colon.length)) === name) count += 1;
  }
  return count;
}
