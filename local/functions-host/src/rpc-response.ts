/** Turns what the library made of a function's result into an HTTP answer. */
import type { Answer } from './answer';
import { formatCookie } from './cookie';
import type { RpcTypedData } from './core-types';

/** A response that the server below the app refuses to write: it says so with an empty 500 and none of the headers. */
const unwritable: Answer = { status: 500, isBare: true };

export function fromRpcResponse(returnValue: RpcTypedData | null | undefined, method: string): Answer {
  const http = returnValue?.http;
  if (!http) return { status: 204 };

  const body = http.body?.bytes ?? new Uint8Array();
  const headers: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(http.headers ?? {})) {
    if (!isPrintable(value)) return unwritable;
    // How a body is framed is the server's affair; of `connection`, only `close` is.
    if (name === 'transfer-encoding' || (name === 'connection' && value.toLowerCase() !== 'close')) continue;
    headers[name] = value;
  }
  const cookies = (http.cookies ?? []).map(formatCookie);
  if (!cookies.every(isPrintable)) return unwritable;
  if (cookies.length > 0) headers['set-cookie'] = [...toList(headers['set-cookie']), ...cookies];

  const declaredLength = headers['content-length'];
  if (declaredLength !== undefined && method !== 'HEAD' && Number(declaredLength) !== body.length) return unwritable;

  // With content negotiation the host looks for an output formatter for the bytes, and has none.
  if (http.enableContentNegotiation && body.length > 0) return { status: 406, headers };
  return { status: Number(http.statusCode), headers, body };
}

function toList(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

/** Header values are ASCII without control characters. */
function isPrintable(value: string): boolean {
  return /^[\t\x20-\x7e]*$/.test(value);
}
