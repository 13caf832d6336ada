/** Turns an HTTP request into the data from which the library makes the function's `HttpRequest`. */
import type { IncomingMessage } from 'node:http';
import type { RpcHttpData } from './core-types';
import { decodeEscapes, type RequestTarget } from './request-path';

/** Kestrel's default, which the Functions host keeps. */
export const bodyLimitBytes = 104_857_600;

export function toRpcRequest(
  request: IncomingMessage,
  target: RequestTarget,
  params: Record<string, string>,
  body: Uint8Array,
): RpcHttpData {
  return {
    method: request.method ?? 'GET',
    url: `${baseUrl(request)}${target.urlPath}${target.search}`,
    headers: joinHeaders(request.rawHeaders),
    query: parseQuery(target.search),
    params,
    // Without a body there is none, rather than an empty one: the function sees `request.body === null`.
    body: body.length > 0 ? { bytes: body } : null,
  };
}

/** By the client's own account of the host; HTTP/1.0 need not name one. */
export function baseUrl(request: IncomingMessage): string {
  return `http://${request.headers.host ?? 'localhost'}`;
}

/** The whole body if its length was declared; a chunked one is read and dropped, as the real host does. */
export async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    if (request.headers['content-length'] !== undefined) chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** Names in lower case, repeated ones joined by a comma: all of them, while Node.js drops some and joins cookies by `;`. */
function joinHeaders(rawHeaders: readonly string[]): Record<string, string> {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    const value = rawHeaders[index + 1] ?? '';
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier},${value}`);
  }
  return Object.fromEntries(headers);
}

/** Names are the same in any letter case, and the last one is shown; the values are joined by a comma. */
function parseQuery(search: string): Record<string, string> {
  const entries = new Map<string, [name: string, value: string]>();
  for (const pair of search.slice(1).split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodeForm(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? '' : decodeForm(pair.slice(equals + 1));
    const earlier = entries.get(name.toLowerCase());
    entries.set(name.toLowerCase(), [name, earlier ? `${earlier[1]},${value}` : value]);
  }
  return Object.fromEntries(entries.values());
}

function decodeForm(text: string): string {
  return decodeEscapes(text.replaceAll('+', ' '), { keepSlash: false });
}
