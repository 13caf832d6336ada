/** An identity service that answers each token as the test says, on a real socket. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closeAtEnd } from './close-at-end';
import { jwtWith } from './tokens';

export type ScriptedAnswer = 'valid' | 'reset' | { readonly status: number; readonly retryAfterSeconds?: number };

export interface ScriptedIdentity {
  /** Settings of an app that asks this service. */
  readonly settings: Readonly<Record<string, string>>;
  /** Each token that arrived, in order. */
  readonly sent: string[];
  /** Decides about each token. At first all are valid. */
  answer: (token: string) => ScriptedAnswer;
}

const CARD = 'card-orders';
const LIFETIME_SECONDS = 86_400;

export async function createScriptedIdentity(): Promise<ScriptedIdentity> {
  const sent: string[] = [];
  const server = createServer((request, response) => {
    const token = String(request.headers['accesstoken']);
    sent.push(token);
    const answer = service.answer(token);
    if (answer === 'reset') response.socket?.resetAndDestroy();
    else if (answer === 'valid') {
      response.end(JSON.stringify({ id: token.slice(-40), name: 'Asha', actionPackageId: CARD }));
    } else {
      const { status, retryAfterSeconds } = answer;
      if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds);
      response.writeHead(status).end('{}');
    }
  });
  closeAtEnd(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const settings = { IDENTITY_BASE_URL: url, ALLOWED_CARD_IDS: CARD };
  const service: ScriptedIdentity = { settings, sent, answer: () => 'valid' };
  return service;
}

/** Another token each time, of the form that the provider recognizes. It lives for a day. */
export function newToken(): string {
  return jwtWith({ jti: randomUUID(), exp: Math.floor(Date.now() / 1000) + LIFETIME_SECONDS });
}

/** Another token each time that does not have the provider's form. */
export function newOpaqueToken(): string {
  return `opaque-${randomUUID()}`;
}
