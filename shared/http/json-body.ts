/** Reads a JSON body, once and bounded; a body of another media type is left unread, for a handler that wants it. */
import { Problem } from '../problem';

const MAX_BODY_BYTES = 64 * 1024;

/** `unreadable`: a body was sent, and its problem says why it is no JSON value. */
export type JsonBody =
  | { readonly kind: 'json'; readonly value: unknown; readonly text: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable'; readonly problem: Problem };

interface BodyReader {
  readonly headers: { get(name: string): string | null };
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Throws the Problem `body_too_large`. */
export async function readJsonBody(request: BodyReader): Promise<JsonBody> {
  const { headers } = request;
  const wasSent = announcesBody(headers);
  if (!isJsonMediaType(headers.get('content-type'))) {
    return wasSent ? unreadable(new Problem('unsupported_media_type')) : { kind: 'none' };
  }
  if (wasSent && isEncoded(headers.get('content-encoding'))) return unreadable(encodingProblem());
  const bytes = await request.arrayBuffer();
  if (bytes.byteLength > MAX_BODY_BYTES) {
    throw new Problem('body_too_large', `The body has ${bytes.byteLength} bytes; ${MAX_BODY_BYTES} are allowed.`);
  }
  if (bytes.byteLength > 0) return parse(bytes);
  return wasSent ? unreadable(emptyProblem()) : { kind: 'none' };
}

/** Throws the Problem `unsupported_media_type` or `invalid_body` when there is no JSON value. */
export function requireJson(body: JsonBody): unknown {
  if (body.kind === 'json') return body.value;
  throw body.kind === 'none' ? emptyProblem() : body.problem;
}

/** RFC 9112 §6: one of these headers tells that a request has a body. It may arrive empty, when the host drops it. */
function announcesBody(headers: BodyReader['headers']): boolean {
  return headers.get('transfer-encoding') !== null || Number(headers.get('content-length')) > 0;
}

/** RFC 8259 §11 and, for the suffix, RFC 6839 §3.1. */
function isJsonMediaType(contentType: string | null): boolean {
  return /^application\/([^\s/;]+\+)?json\s*(;|$)/i.test(contentType ?? '');
}

/** RFC 9110 §8.4: a list of codings; `identity` stands for none. */
function isEncoded(contentEncoding: string | null): boolean {
  return (contentEncoding ?? '').split(',').some((coding) => !/^(identity)?$/i.test(coding.trim()));
}

/** RFC 9110 §15.5.16: the answer names the codings that would be accepted. */
function encodingProblem(): Problem {
  const detail = 'Send the body as it is, without a Content-Encoding.';
  return new Problem('unsupported_media_type', detail, { headers: { 'accept-encoding': 'identity' } });
}

function emptyProblem(): Problem {
  return invalidBody('is empty; Azure Functions drops a body that is sent without Content-Length, or with GET');
}

function parse(bytes: ArrayBuffer): JsonBody {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return unreadable(invalidBody('is not UTF-8')); // RFC 8259 §8.1
  }
  try {
    return { kind: 'json', value: JSON.parse(text), text };
  } catch {
    // The parser's own message quotes the body, which may hold the token.
    return unreadable(invalidBody('is not JSON'));
  }
}

function invalidBody(detail: string): Problem {
  return new Problem('invalid_body', undefined, { errors: [{ pointer: '#', detail }] });
}

function unreadable(problem: Problem): JsonBody {
  return { kind: 'unreadable', problem };
}
