/** Reads a JSON body, once and bounded; a body of another media type is left unread, for a handler that wants it. */
import { Problem } from '../problem';

const MAX_BODY_BYTES = 64 * 1024;
const IS_EMPTY = 'is empty; Azure Functions drops a body that is sent without Content-Length, or with GET';

/** `unreadable`: a body was sent, and its problem says why it is no JSON value. */
export type JsonBody =
  | { readonly kind: 'json'; readonly value: unknown; readonly text: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable'; readonly problem: Problem };

/** Throws the Problem `body_too_large`. */
export async function readJsonBody(request: Pick<Request, 'headers' | 'arrayBuffer'>): Promise<JsonBody> {
  const header = (name: string) => request.headers.get(name) ?? '';
  // RFC 9112 §6: one of these headers tells that a request has a body. It may arrive empty, when the host drops it.
  const wasSent = request.headers.has('transfer-encoding') || Number(header('content-length')) > 0;
  // RFC 8259 §11 and, for the suffix, RFC 6839 §3.1.
  if (!/^application\/([^\s/;]+\+)?json\s*(;|$)/i.test(header('content-type'))) {
    return wasSent ? unreadable(new Problem('unsupported_media_type')) : { kind: 'none' };
  }
  const codings = header('content-encoding').split(',');
  // RFC 9110 §8.4: `identity` stands for no coding. §15.5.16: the answer names the codings that would be accepted.
  if (wasSent && !codings.every((coding) => /^(identity)?$/i.test(coding.trim()))) {
    const detail = 'Send the body as it is, without a Content-Encoding.';
    return unreadable(new Problem('unsupported_media_type', detail, { headers: { 'accept-encoding': 'identity' } }));
  }
  const bytes = await request.arrayBuffer();
  if (bytes.byteLength > MAX_BODY_BYTES) {
    throw new Problem('body_too_large', `The body has ${bytes.byteLength} bytes; ${MAX_BODY_BYTES} are allowed.`);
  }
  if (bytes.byteLength === 0) return wasSent ? unreadable(invalidBody(IS_EMPTY)) : { kind: 'none' };
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { kind: 'json', value: JSON.parse(text), text };
  } catch (error) {
    // The parser's own message quotes the body, which may hold the token. RFC 8259 §8.1: JSON is UTF-8.
    return unreadable(invalidBody(error instanceof SyntaxError ? 'is not JSON' : 'is not UTF-8'));
  }
}

/** Throws the Problem `unsupported_media_type` or `invalid_body` when there is no JSON value. */
export function requireJson(body: JsonBody): unknown {
  if (body.kind === 'json') return body.value;
  throw body.kind === 'none' ? invalidBody(IS_EMPTY) : body.problem;
}

const unreadable = (problem: Problem): JsonBody => ({ kind: 'unreadable', problem });
const invalidBody = (detail: string) => new Problem('invalid_body', undefined, { errors: [{ pointer: '#', detail }] });
