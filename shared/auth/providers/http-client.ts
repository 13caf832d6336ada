/** What providers that ask a remote service share: the call, its limits, and what its failures mean. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import nodeFetch, { type Response } from 'node-fetch';
import { createAgents } from '../../agents';
import type { Clock } from '../../clock';
import type { ProxyConfig } from '../../config';
import type { Unavailable } from '../provider';

const MAX_ANSWER_BYTES = 64 * 1024;
/** An hour: a service that asks for more is not taken at its word. */
const MAX_RETRY_AFTER_SECONDS = 3600;

export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  /** Undefined where the body is not JSON in UTF-8. */
  readonly json: unknown;
  readonly retryAfterSeconds: number | undefined;
}

/**
 * Sends a GET request. Never rejects, follows no redirect, and reads at most 64 KiB.
 *
 * @param options.newConnection take no connection from the pool
 */
export type Ask = (
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  options?: { readonly newConnection?: boolean },
) => Promise<Answer | Unavailable>;

export function createAsk({ proxy, clock }: { proxy?: ProxyConfig | undefined; clock: Clock }): Ask {
  // node-fetch does not show its request, whose `reusedSocket` this is. The agent is called while the call begins.
  const calls = new AsyncLocalStorage<{ reused: boolean }>();
  function noteReuse(): void {
    const call = calls.getStore();
    if (call !== undefined) call.reused = true;
  }
  const pooled = createAgents(proxy, { onReuse: noteReuse });
  const unpooled = createAgents(proxy, { pooled: false });

  return async function ask(url, headers, signal, { newConnection = false } = {}) {
    const call = { reused: false };
    const init = {
      headers: { accept: 'application/json', 'accept-encoding': 'identity', ...headers },
      agent: newConnection ? unpooled(url) : pooled(url),
      // Never followed: the token is for this address alone, and node-fetch would send it along.
      redirect: 'manual',
      size: MAX_ANSWER_BYTES,
      // Decoded below, because node-fetch reports a wrong encoding like a broken connection.
      compress: false,
      signal,
    } as const;
    let response: Response | undefined;
    try {
      response = await calls.run(call, () => nodeFetch(url, init));
      // Read whatever the status is, so that the connection can serve again.
      const body = new Uint8Array(await response.arrayBuffer());
      return toAnswer(response, parseJson(body, response.headers.get('content-encoding')), clock);
    } catch (error) {
      const { type, code } = error as { type?: string; code?: string };
      // An error means the same with a long page.
      const isError = response !== undefined && (response.status === 429 || response.status >= 500);
      if (response !== undefined && isError && type === 'max-size') return toAnswer(response, undefined, clock);
      return toFailure({ type, code }, signal.aborted, call.reused);
    }
  };
}

function toAnswer({ status, headers }: Response, json: unknown, clock: Clock): Answer {
  return { kind: 'answer', status, json, retryAfterSeconds: parseRetryAfter(headers.get('retry-after'), clock) };
}

/** What an answer means that tells nothing of the token. */
export function toUnavailable({ status, retryAfterSeconds }: Answer): Unavailable {
  const retryAfter = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  if (status === 429) return { kind: 'unavailable', cause: 'throttled', ...retryAfter };
  if (status >= 500) return { kind: 'unavailable', cause: 'server_error', ...retryAfter };
  return { kind: 'unavailable', cause: 'unexpected_answer' };
}

type ErrorKind = { readonly type?: string | undefined; readonly code?: string | undefined };

/** Of the error only its code is kept: its message may hold an address or a header's value. */
function toFailure({ type, code }: ErrorKind, aborted: boolean, reused: boolean): Unavailable {
  // What Node's parser refuses is an answer; only its early end is a broken connection.
  const isUnparsable = code?.startsWith('HPE_') === true && code !== 'HPE_INVALID_EOF_STATE';
  if (type === 'max-size' || isUnparsable) return { kind: 'unavailable', cause: 'unexpected_answer' };
  return {
    kind: 'unavailable',
    cause: aborted ? 'timeout' : 'unreachable',
    ...(!aborted && code !== undefined && /^[A-Z][A-Z0-9_]*$/.test(code) && { errorCode: code }),
    ...(reused && { onReusedConnection: true }),
  };
}

function parseJson(body: Uint8Array, encoding: string | null): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(decompress(body, encoding)));
  } catch {
    return undefined;
  }
}

/** Some services compress though told not to. Throws when they do not do what they say. */
function decompress(body: Uint8Array, encoding: string | null): Uint8Array {
  const limit = { maxOutputLength: MAX_ANSWER_BYTES };
  switch (encoding?.toLowerCase() ?? 'identity') {
    case 'identity':
      return body;
    case 'gzip':
    case 'x-gzip':
      return gunzipSync(body, limit);
    case 'deflate':
      return inflateSync(body, limit);
    case 'br':
      return brotliDecompressSync(body, limit);
    default:
      throw new Error('unknown encoding');
  }
}

/** RFC 9110 §10.2.3: seconds, here also with a fraction, or a date of §5.6.7, whose oldest form has no time zone. */
function parseRetryAfter(value: string | null, clock: Clock): number | undefined {
  if (value === null) return undefined;
  const isDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(value);
  const date = isDate ? Date.parse(value.endsWith('GMT') ? value : `${value} GMT`) : Number.NaN;
  const seconds = /^\d+(\.\d+)?$/.test(value) ? Number(value) : (date - clock.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(Math.ceil(seconds), 1), MAX_RETRY_AFTER_SECONDS);
}
