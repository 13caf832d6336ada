/** The ways in which the table of tokens fails: it is out of reach, or a token's row in it is not what it should be. */
import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { createDeriveTokenKey, type TokenKey } from '../../shared/auth/token-key';
import type { Failure } from './line';

/** A row's columns, its keys apart. */
export type Columns = Record<string, unknown>;

export interface RowContext {
  readonly token: string;
  readonly secret: string;
  readonly provider: { readonly name: string; readonly endpoint: string };
  /** The token's own, under which the row is found. */
  readonly key: TokenKey;
  /** Of another good token. */
  readonly otherKey: TokenKey;
  /** A StoredIdentity as JSON, of the impostor; `ageMs` tells how long ago it was made, for 30 minutes. */
  readonly stored: (ageMs: number) => string;
}

export type TableFault = { readonly name: string } & (
  | {
      readonly kind: 'line';
      /** Reading, and so all else; or writing alone. */
      readonly fails: 'read' | 'write';
      readonly hangs: boolean;
      /** Reading finds no row. */
      readonly hidesRows?: true;
      readonly failure: Failure;
    }
  /** Reading and writing work, and take so long each. */
  | { readonly kind: 'slow'; readonly ms: number; readonly failure: Failure }
  | { readonly kind: 'deleted' }
  /** What is found in the place of the token's own row. */
  | { readonly kind: 'row'; readonly columns: (context: RowContext) => Columns }
);

const MINUTE_MS = 60_000;
/** Once is within the 250 ms that the table may add, twice is not. */
const SLOW_MS = 150;
const TOO_SLOW_MS = 400;

export const tableFaults: readonly TableFault[] = [
  { name: 'refuses', kind: 'line', fails: 'read', hangs: false, failure: 'refuse' },
  { name: 'hangs', kind: 'line', fails: 'read', hangs: true, failure: () => {} },
  {
    name: 'hangs after the header',
    kind: 'line',
    fails: 'read',
    hangs: true,
    failure: ({ response }) => response.writeHead(200, { 'content-length': 100 }).flushHeaders(),
  },
  { name: 'hangs when written to', kind: 'line', fails: 'write', hangs: true, failure: whenWritten(() => {}) },
  { name: 'is slow', kind: 'slow', ms: SLOW_MS, failure: relayAfter(SLOW_MS) },
  { name: 'is too slow', kind: 'line', fails: 'read', hangs: true, failure: relayAfter(TOO_SLOW_MS) },
  { name: '503', kind: 'line', fails: 'read', hangs: false, failure: refusal(503, 'ServerBusy') },
  { name: '403', kind: 'line', fails: 'read', hangs: false, failure: refusal(403, 'AuthorizationFailure') },
  {
    name: '403 when written to',
    kind: 'line',
    fails: 'write',
    hangs: false,
    failure: whenWritten(refusal(403, 'AuthorizationPermissionMismatch')),
  },
  { name: '404, deleted while running', kind: 'deleted' },
  {
    // As Table Storage is for half a minute after it was deleted.
    name: '409, being deleted',
    kind: 'line',
    fails: 'write',
    hangs: false,
    hidesRows: true,
    failure: (exchange) => {
      const makesTable = exchange.request.method === 'POST';
      (makesTable ? refusal(409, 'TableBeingDeleted') : refusal(404, 'TableNotFound'))(exchange);
    },
  },
  row('a row that is corrupt', ({ key, stored }) => {
    const sealed = key.seal(stored(0));
    return { sealed: sealed.with(40, (sealed[40] ?? 0) ^ 1) };
  }),
  row('a row that is cut short', ({ key, stored }) => ({ sealed: key.seal(stored(0)).subarray(0, 20) })),
  row('a row that is foreign', ({ stored }) => ({ sealed: stored(0), value: 7 })),
  row("a row swapped with another key's", ({ otherKey, stored }) => ({ sealed: otherKey.seal(stored(0)) })),
  row('a row that has expired', ({ key, stored }) => ({ sealed: key.seal(stored(31 * MINUTE_MS)) })),
  row('a row from another secret', ({ token, provider, stored }) => ({
    sealed: createDeriveTokenKey('another secret of enough characters', provider)(token).seal(stored(0)),
  })),
  row('a row from a newer format', ({ token, secret, key, stored }) => ({
    sealed: sealNewer(token, secret, key.id, stored(0)),
    format: 2,
  })),
];

function row(name: string, columns: (context: RowContext) => Columns): TableFault {
  // Whatever the purge would go by, the row's own seal is what counts.
  const expiresAt = () => new Date(Date.now() + 30 * MINUTE_MS);
  return { name, kind: 'row', columns: (context) => ({ expiresAt: expiresAt(), ...columns(context) }) };
}

function relayAfter(ms: number): Failure {
  return ({ response, relay }) => setTimeout(() => response.destroyed || relay(), ms);
}

function refusal(status: number, code: string): Exclude<Failure, 'refuse'> {
  const body = JSON.stringify({ 'odata.error': { code, message: { lang: 'en-US', value: code } } });
  const headers = { 'content-type': 'application/json;odata=minimalmetadata', 'x-ms-error-code': code };
  return ({ response }) => response.writeHead(status, headers).end(body);
}

function whenWritten(failure: Exclude<Failure, 'refuse'>): Failure {
  return (exchange) => (exchange.request.method === 'GET' ? exchange.relay() : failure(exchange));
}

/** As `shared/auth/token-key.ts` seals, but for the name of the format. */
function sealNewer(token: string, secret: string, keyId: string, plaintext: string): Uint8Array {
  const key = Buffer.from(hkdfSync('sha256', token, secret, 'card-backend token row v2', 32));
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(keyId));
  const encrypted = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), encrypted]);
}
