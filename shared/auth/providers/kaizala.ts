/** Asks the identity service of Kaizala, `GET v1/users/me`, who a token belongs to. */
import { jwtExpiresAtMs } from '../jwt-expiry';
import type { Identity, IdentityProvider, Verdict } from '../provider';
import { type Answer, type Ask, toUnavailable } from './http-client';

/** @param baseUrl https, or http on loopback; without a slash at the end */
export function createKaizalaProvider(baseUrl: string, ask: Ask): IdentityProvider {
  const endpoint = `${baseUrl}/v1/users/me`;
  return {
    name: 'kaizala',
    endpoint,
    recognizes: (token) => jwtExpiresAtMs(token) !== undefined,
    async identify(token, signal, options) {
      const answer = await ask(endpoint, { accessToken: token }, signal, options);
      return answer.kind === 'answer' ? toVerdict(answer) : answer;
    },
  };
}

/** Only a definite no is a rejection. All else that is not a 200 tells nothing of the token. */
function toVerdict(answer: Answer): Verdict {
  const { status } = answer;
  if (status === 401 || status === 403) return { kind: 'rejected', cacheable: true };
  if (status === 400) return { kind: 'rejected', cacheable: false };
  const identity = status === 200 ? toIdentity(answer.json) : undefined;
  return identity === undefined ? toUnavailable(answer) : { kind: 'valid', identity };
}

function toIdentity(json: unknown): Identity | undefined {
  const { id, name, phoneNumber, pictureUrl, actionPackageId, error } = (json ?? {}) as Record<string, unknown>;
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
