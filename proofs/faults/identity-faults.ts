/** The ways in which an identity service fails. What it says of a person then is always of somebody else. */
import type { ServerResponse } from 'node:http';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import type { UnavailableCause } from '../../shared/auth/provider';
import type { Exchange, Failure } from './line';

export interface IdentityFault {
  readonly name: string;
  readonly failure: Failure;
  /** What the contract makes of it. A rejection is remembered for 10 s when it is definite. */
  readonly means: Exclude<UnavailableCause, 'busy' | 'circuit_open'> | 'rejected' | 'rejected for now' | 'valid';
  /** What the service itself says. */
  readonly retryAfterSeconds?: number;
  /** The service fails for one token, and serves all others. */
  readonly onlySubject?: true;
  /** How long the answer takes. */
  readonly slowMs?: number;
  /** More than the app reads, so that the connection cannot serve again. */
  readonly tooLarge?: true;
}

/** If an answer of a failing service were believed, it would be seen by this name. */
export const impostor = {
  id: 'impostor',
  name: 'Mallory',
  phoneNumber: '+12025550199',
  pictureUrl: 'https://pictures.example/mallory.png',
};

const DRIP_MS = 20;
const LARGE_BYTES = 20_000_000;
/** Within the time of one attempt, and beyond it. */
const SLOW_MS = 500;
const TOO_SLOW_MS = 1_500;

export const identityFaults: readonly IdentityFault[] = [
  { name: 'refuses', means: 'unreachable', failure: 'refuse' },
  { name: 'resets', means: 'unreachable', failure: ({ response }) => response.socket?.resetAndDestroy() },
  { name: 'hangs before the header', means: 'timeout', failure: () => {} },
  {
    name: 'hangs after the header',
    means: 'timeout',
    failure: ({ response }) => response.writeHead(200, { 'content-length': 100 }).flushHeaders(),
  },
  { name: 'drips a byte at a time', means: 'timeout', failure: drip },
  {
    name: 'cuts the body short of its length',
    means: 'unreachable',
    failure: ({ response }) => {
      response.writeHead(200, { 'content-length': 1_000 });
      response.write(identityOf({}), () => response.socket?.end());
    },
  },
  {
    name: 'cuts a chunked body short',
    means: 'unreachable',
    failure: ({ response }) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' });
      response.write(identityOf({}), () => response.socket?.end());
    },
  },
  { name: '204', means: 'unexpected_answer', failure: ({ response }) => response.writeHead(204).end() },
  { name: '400', means: 'rejected for now', failure: status(400) },
  { name: '401', means: 'rejected', failure: status(401) },
  { name: '403', means: 'rejected', failure: status(403) },
  { name: '404', means: 'unexpected_answer', failure: status(404) },
  { name: '429', means: 'throttled', failure: status(429) },
  {
    name: '429 with Retry-After',
    means: 'throttled',
    retryAfterSeconds: 4,
    failure: status(429, { 'retry-after': '4' }),
  },
  { name: '500', means: 'server_error', failure: status(500) },
  { name: '502 with HTML', means: 'server_error', failure: answer(502, '<h1>Bad gateway</h1>') },
  { name: '503', means: 'server_error', failure: status(503) },
  {
    name: '503 with Retry-After',
    means: 'server_error',
    retryAfterSeconds: 3,
    failure: status(503, { 'retry-after': '3' }),
  },
  {
    name: 'redirect to itself',
    means: 'unexpected_answer',
    failure: ({ response, ownUrl }) => redirect(response, ownUrl),
  },
  {
    name: 'redirect to another origin',
    means: 'unexpected_answer',
    failure: ({ response, elsewhereUrl }) => redirect(response, elsewhereUrl),
  },
  notUnderstood('HTML', `<p>${impostor.name} ${impostor.phoneNumber}</p>`),
  notUnderstood('nothing', ''),
  notUnderstood('{}', '{}'),
  notUnderstood('null', 'null'),
  notUnderstood('an array', `[${identityOf({})}]`),
  notUnderstood('no id', identityOf({ id: undefined })),
  notUnderstood('an id that is a number', identityOf({ id: 5 })),
  notUnderstood('an id that is an object', identityOf({ id: { value: 'impostor' } })),
  notUnderstood('an empty id', identityOf({ id: '' })),
  notUnderstood('an error member', identityOf({ error: { code: 'expired' } })),
  { ...notUnderstood('20 MB', large()), tooLarge: true },
  notUnderstood('a gzip bomb', gzipSync(large()), 'gzip'),
  notUnderstood('a deflate bomb', deflateSync(large()), 'deflate'),
  notUnderstood(
    'a brotli bomb',
    brotliCompressSync(large(), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
    'br',
  ),
  notUnderstood('invalid UTF-8', Buffer.from(identityOf({ name: '\xff' }), 'latin1')),
  notUnderstood('invalid JSON', identityOf({}).slice(0, -1)),
  { name: 'is slow', means: 'valid', slowMs: SLOW_MS, failure: relayAfter(SLOW_MS) },
  { name: 'is too slow', means: 'timeout', failure: relayAfter(TOO_SLOW_MS) },
  {
    name: '429 with Retry-After for one token',
    means: 'throttled',
    retryAfterSeconds: 6,
    onlySubject: true,
    failure: status(429, { 'retry-after': '6' }),
  },
  { name: '500 for one token', means: 'server_error', onlySubject: true, failure: status(500) },
  {
    name: 'resets for one token',
    means: 'unreachable',
    onlySubject: true,
    failure: ({ response }) => response.socket?.resetAndDestroy(),
  },
];

/** What would be a valid answer but for `changes`. */
function identityOf(changes: object): string {
  return JSON.stringify({ ...impostor, actionPackageId: 'card-orders', ...changes });
}

function large(): Buffer {
  return Buffer.from(identityOf({ padding: 'x'.repeat(LARGE_BYTES) }));
}

function notUnderstood(name: string, body: string | Buffer, encoding?: string): IdentityFault {
  return { name: `200 with ${name}`, means: 'unexpected_answer', failure: answer(200, body, encoding) };
}

function answer(code: number, body: string | Buffer, encoding?: string): Failure {
  const headers = { 'content-length': Buffer.byteLength(body), ...(encoding && { 'content-encoding': encoding }) };
  return ({ response }) => response.writeHead(code, headers).end(body);
}

/** With a body that would be believed, were it not for the status. */
function status(code: number, headers: Record<string, string> = {}): Failure {
  return ({ response }) => response.writeHead(code, headers).end(identityOf({}));
}

function relayAfter(ms: number): Failure {
  return ({ response, relay }) => setTimeout(() => response.destroyed || relay(), ms);
}

function redirect(response: ServerResponse, url: string): void {
  response.writeHead(302, { location: `${url}/v1/users/me` }).end(identityOf({}));
}

/** From the first byte of the header on. It would be done after some 6 s. */
function drip({ request: { socket } }: Exchange): void {
  const body = identityOf({});
  const bytes = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  let sent = 0;
  const timer = setInterval(() => socket.write(bytes.subarray(sent, ++sent)), DRIP_MS);
  socket.on('close', () => clearInterval(timer));
}
