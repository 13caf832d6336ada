/** Asks the identity service of Kaizala, `GET v1/users/me`, who a token belongs to. */
import nodeFetch, { type Response } from 'node-fetch';
import type { Clock } from '../../clock';
import { jwtExpiresAtMs } from '../jwt-expiry';
import type { Identity, IdentityProvider, UnavailableCause, Verdict } from '../provider';

const MAX_ANSWER_BYTES = 64 * 1024;
/** An hour: a service that asks for more is not taken at its word. */
const MAX_RETRY_AFTER_SECONDS = 3600;

/** @param baseUrl https, or http on loopback; without a slash at the end */
export function createKaizalaProvider(baseUrl: string, clock: Clock): IdentityProvider {
  const endpoint = `${baseUrl}/v1/users/me`;
  return {
    name: 'kaizala',
    endpoint,
    recognizes: (token) => jwtExpiresAtMs(token) !== undefined,
    async identify(token, signal) {
      try {
        const response = await nodeFetch(endpoint, {
          headers: { accessToken: token, accept: 'application/json' },
          // Never followed: the token is for this address alone, and node-fetch would send it along.
          redirect: 'manual',
          size: MAX_ANSWER_BYTES,
          signal,
        });
        // Read whatever the status is, so that the connection can serve again.
        return toVerdict(response, await response.arrayBuffer(), clock);
      } catch (error) {
        // The error goes no further: its message may hold the header's value.
        if (signal.aborted) return unavailable('timeout');
        return unavailable((error as { type?: string }).type === 'max-size' ? 'unexpected_answer' : 'unreachable');
      }
    },
  };
}

/** Only a definite no is a rejection. All else that is not a 200 tells nothing of the token. */
function toVerdict(response: Response, body: ArrayBuffer, clock: Clock): Verdict {
  const { status } = response;
  if (status === 200) {
    const identity = parseIdentity(body);
    return identity === undefined ? unavailable('unexpected_answer') : { kind: 'valid', identity };
  }
  if (status === 401 || status === 403) return { kind: 'rejected', cacheable: true };
  if (status === 400) return { kind: 'rejected', cacheable: false };
  const retryAfterSeconds = readRetryAfter(response.headers.get('retry-after'), clock);
  if (status === 429) return unavailable('throttled', retryAfterSeconds);
  if (status >= 500) return unavailable('server_error', retryAfterSeconds);
  return unavailable('unexpected_answer');
}

function unavailable(cause: UnavailableCause, retryAfterSeconds?: number): Verdict {
  return { kind: 'unavailable', cause, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
}

/** RFC 9110 §10.2.3: a number of seconds, or a date. */
function readRetryAfter(value: string | null, clock: Clock): number | undefined {
  if (value === null) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - clock.now()) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 1), MAX_RETRY_AFTER_SECONDS);
}

function parseIdentity(bytes: ArrayBuffer): Identity | undefined {
  let answer: Record<string, unknown> | null;
  try {
    answer = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
  const { id, name, phoneNumber, pictureUrl, actionPackageId, error } = answer ?? {};
  // Some services report an error with the status 200.
  if (typeof id !== 'string' || id === '' || (error !== undefined && error !== null)) return undefined;
  return Object.freeze({
    id,
    name: stringOrNull(name) ?? '',
    phoneNumber: stringOrNull(phoneNumber),
    pictureUrl: stringOrNull(pictureUrl),
    actionPackageId: stringOrNull(actionPackageId),
  });
}

function stringOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
