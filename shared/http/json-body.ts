/** Reads a JSON body, once and bounded; a body of another media type is left unread, for a handler that wants it. */
import { Problem } from '../problem';

const MAX_BODY_BYTES = 64 * 1024;

export type JsonBody =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'malformed'; readonly detail: string }
  | { readonly kind: 'other-media-type' };

interface BodyReader {
  readonly headers: { get(name: string): string | null };
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Throws BodyTooLargeError. */
export async function readJsonBody(request: BodyReader): Promise<JsonBody> {
  if (!isJsonMediaType(request.headers.get('content-type'))) return { kind: 'other-media-type' };
  const bytes = await request.arrayBuffer();
  if (bytes.byteLength > MAX_BODY_BYTES) {
    throw new Problem('body_too_large', `The body has ${bytes.byteLength} bytes; ${MAX_BODY_BYTES} are allowed.`);
  }
  if (bytes.byteLength === 0) {
    return { kind: 'malformed', detail: 'is empty; Azure Functions drops a body that is sent without Content-Length' };
  }
  return parse(bytes);
}

/** Throws UnsupportedMediaTypeError or InvalidBodyError when there is no JSON value. */
export function requireJson(body: JsonBody): unknown {
  switch (body.kind) {
    case 'json':
      return body.value;
    case 'malformed':
      throw new Problem('invalid_body', undefined, { errors: [{ pointer: '#', detail: body.detail }] });
    case 'other-media-type':
      throw new Problem('unsupported_media_type');
  }
}

/** RFC 8259 §11 and, for the suffix, RFC 6839 §3.1. */
function isJsonMediaType(contentType: string | null): boolean {
  return /^application\/([^\s/;]+\+)?json\s*(;|$)/i.test(contentType ?? '');
}

function parse(bytes: ArrayBuffer): JsonBody {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { kind: 'malformed', detail: 'is not UTF-8' }; // RFC 8259 §8.1
  }
  try {
    return { kind: 'json', value: JSON.parse(text) };
  } catch {
    // The parser's own message quotes the body, which may hold the token.
    return { kind: 'malformed', detail: 'is not JSON' };
  }
}
