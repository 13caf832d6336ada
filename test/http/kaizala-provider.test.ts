import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { createAsk } from '../../shared/auth/providers/http-client';
import { createKaizalaProvider } from '../../shared/auth/providers/kaizala';
import { createCertificate } from '../harness/certificate';
import { closeAtEnd } from '../harness/close-at-end';
import { deferred } from '../harness/deferred';
import { createFakeClock } from '../harness/fake-clock';
import { jwtWith } from '../harness/tokens';

const user = {
  id: 'u-1',
  name: 'Asha',
  phoneNumber: '+100',
  pictureUrl: 'https://p.example/1',
  actionPackageId: 'card-orders',
};

let answer: http.RequestListener;
let requests: { url: string | undefined; method: string | undefined; headers: http.IncomingHttpHeaders }[];
let server: http.Server;
let baseUrl: string;

beforeEach(async () => {
  requests = [];
  server = http.createServer((request, response) => {
    requests.push({ url: request.url, method: request.method, headers: request.headers });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

const clock = createFakeClock();
const create = () => createKaizalaProvider(baseUrl, createAsk({ clock }));
const ask = (signal = new AbortController().signal) => create().identify('tok-en', signal);
const reply = (status: number, body: string | Buffer = '', headers: http.OutgoingHttpHeaders = {}) => {
  answer = (_, response) => response.writeHead(status, headers).end(body);
};

it('has the name and the address that the keys of rows are made of', () => {
  expect(create()).toMatchObject({ name: 'kaizala', endpoint: `${baseUrl}/v1/users/me` });
});

it('tells tokens of the form of its own from others, without a call', () => {
  const { recognizes } = create();
  const tokens = [jwtWith({ exp: 1 }), jwtWith({}), 'opaque', 'a.b.c'];
  expect(tokens.map((token) => recognizes?.(token))).toEqual([true, false, false, false]);
  expect(requests).toEqual([]);
});

it('asks GET v1/users/me with the token in the header accessToken, and takes the five fields', async () => {
  reply(200, JSON.stringify({ ...user, secretField: 'x' }));
  expect(await ask()).toEqual({ kind: 'valid', identity: user });
  expect(requests).toMatchObject([
    { method: 'GET', url: '/v1/users/me', headers: { accesstoken: 'tok-en', accept: 'application/json' } },
  ]);
  expect(requests[0]?.headers.authorization).toBeUndefined();
});

it('takes what is missing, or of another type, as absent', async () => {
  reply(200, '{"id":"u-2","phoneNumber":7,"error":null}');
  const identity = { id: 'u-2', name: '', phoneNumber: null, pictureUrl: null, actionPackageId: null };
  expect(await ask()).toEqual({ kind: 'valid', identity });
});

it.each([
  [401, { kind: 'rejected', cacheable: true }],
  [403, { kind: 'rejected', cacheable: true }],
  [400, { kind: 'rejected', cacheable: false }],
  [429, { kind: 'unavailable', cause: 'throttled' }],
  [500, { kind: 'unavailable', cause: 'server_error' }],
  [503, { kind: 'unavailable', cause: 'server_error' }],
  [404, { kind: 'unavailable', cause: 'unexpected_answer' }],
  [408, { kind: 'unavailable', cause: 'unexpected_answer' }],
  [204, { kind: 'unavailable', cause: 'unexpected_answer' }],
  [206, { kind: 'unavailable', cause: 'unexpected_answer' }],
  [302, { kind: 'unavailable', cause: 'unexpected_answer' }],
])('understands %i', async (status, verdict) => {
  reply(status, status === 204 ? '' : JSON.stringify(user));
  expect(await ask()).toStrictEqual(verdict); // an absent member leaves room for another's
});

it.each([
  ['seconds', '7', 7],
  ['a date', new Date(clock.now() + 9_500).toUTCString(), 9],
  ['a date that is over', new Date(clock.now() - 9_500).toUTCString(), 1],
  ['far too long', '99999999', 3_600],
  ['a fraction, which our own header may not have', '1.5', 2],
  ['no time at all', '0', 1],
  ['a date in the form of RFC 850', 'Thursday, 01-Jan-26 00:00:07 GMT', 7],
  ['a date in the form of asctime', 'Thu Jan  1 00:00:07 2026', 7],
  ['a date far ahead', new Date(clock.now() + 86_400_000).toUTCString(), 3_600],
  ['a date that does not exist', 'Thu, 41 Jan 2026 00:00:07 GMT', undefined],
  ['a negative number', '-5', undefined],
  ['nonsense', 'soon', undefined],
])('reads a Retry-After of %s', async (_, value, retryAfterSeconds) => {
  reply(503, '', { 'retry-after': value });
  const verdict = await ask();
  expect(verdict).toMatchObject({ kind: 'unavailable', cause: 'server_error' });
  expect((verdict as { retryAfterSeconds?: number }).retryAfterSeconds).toBe(retryAfterSeconds);
});

it('reads the Retry-After of a 429 too', async () => {
  reply(429, '', { 'retry-after': '7' });
  expect(await ask()).toEqual({ kind: 'unavailable', cause: 'throttled', retryAfterSeconds: 7 });
});

it('waits for the whole of the last second before a date', async () => {
  reply(503, '', { 'retry-after': new Date(clock.now() + 9_000).toUTCString() });
  clock.moveWall(500);
  expect(await ask()).toMatchObject({ retryAfterSeconds: 9 });
});

it.each([
  [429, 'throttled'],
  [500, 'server_error'],
])('takes a %s with a page of more than 64 KiB for what it is', async (status, cause) => {
  reply(status, 'x'.repeat(70_000), { 'retry-after': '600' });
  expect(await ask()).toMatchObject({ kind: 'unavailable', cause, retryAfterSeconds: 600 });
});

it.each([
  ['what is no HTTP', 'nonsense\r\n\r\n'],
  ['a header of 20 KB', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`],
])('does not take %s for an outage', async (_, text) => {
  answer = (request) => request.socket.end(text);
  expect(await ask()).toEqual({ kind: 'unavailable', cause: 'unexpected_answer' });
});

it('reads an answer of 64 KiB', async () => {
  const padding = 'x'.repeat(65_536 - JSON.stringify({ ...user, padding: '' }).length);
  reply(200, JSON.stringify({ ...user, padding }));
  expect(await ask()).toEqual({ kind: 'valid', identity: user });
});

it.each([
  ['HTML', '<html>'],
  ['nothing', ''],
  ['no object', '"u-1"'],
  ['null', 'null'],
  ['an array', '[]'],
  ['no id', '{"name":"Asha"}'],
  ['an empty id', '{"id":""}'],
  ['an id that is a number', '{"id":5}'],
  ['an error with an id', '{"id":"u-1","error":{"code":"x"}}'],
  ['JSON cut short', JSON.stringify(user).slice(0, -1)],
  ['no UTF-8', Buffer.from([0x7b, 0x22, 0x69, 0x64, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d])],
  ['more than 64 KiB', JSON.stringify({ ...user, padding: 'x'.repeat(65_536) })],
])('takes a 200 with %s for no answer', async (_, body) => {
  reply(200, body);
  expect(await ask()).toEqual({ kind: 'unavailable', cause: 'unexpected_answer' });
});

it.each([
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
])('asks for no compression, but reads an answer in %s', async (encoding, compress) => {
  reply(200, compress(JSON.stringify(user)), { 'content-encoding': encoding });
  expect(await ask()).toEqual({ kind: 'valid', identity: user });
  expect(requests[0]?.headers['accept-encoding']).toBe('identity');
});

it.each([
  ['gzip on a plain body', 'gzip', JSON.stringify(user)],
  ['gzip on an empty body', 'gzip', ''],
  ['gzip that is cut short', 'gzip', gzipSync(JSON.stringify(user)).subarray(0, -20)],
  ['gzip without its checksum', 'gzip', gzipSync(JSON.stringify(user)).subarray(0, -8)],
  ['deflate on a plain body', 'deflate', JSON.stringify(user)],
  ['invalid brotli', 'br', JSON.stringify(user)],
  ['an unknown encoding', 'zstd', JSON.stringify(user)],
  ['more than 64 KiB in gzip', 'gzip', gzipSync(JSON.stringify({ ...user, padding: 'x'.repeat(20_000_000) }))],
])('takes %s for a broken answer, not for an outage', async (_, encoding, body) => {
  reply(200, body, { 'content-encoding': encoding });
  expect(await ask()).toEqual({ kind: 'unavailable', cause: 'unexpected_answer' });
});

it('takes a rejection for one, whatever its body says of itself', async () => {
  reply(401, 'no', { 'content-encoding': 'gzip' });
  expect(await ask()).toEqual({ kind: 'rejected', cacheable: true });
});

it('follows no redirect: the token goes to one address only', async () => {
  const elsewhere = closeAtEnd(http.createServer((_, response) => response.end(JSON.stringify(user))));
  const seen = jest.fn();
  elsewhere.on('request', seen);
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  reply(307, '', { location: `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/` });
  expect(await ask()).toEqual({ kind: 'unavailable', cause: 'unexpected_answer' });
  expect(seen).not.toHaveBeenCalled();
  expect(requests).toHaveLength(1);
});

it.each<[string, string, http.RequestListener]>([
  ['closes without an answer', 'ECONNRESET', (request) => request.socket.destroy()],
  ['resets', 'ECONNRESET', (request) => request.socket.resetAndDestroy()],
  [
    'cuts the body short of its length',
    'ECONNRESET',
    (_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{"id":', () => response.destroy());
    },
  ],
  [
    'cuts a chunked body short',
    'ERR_STREAM_PREMATURE_CLOSE',
    (_, response) => {
      response.writeHead(200);
      response.write(JSON.stringify(user), () => response.socket?.end());
    },
  ],
  [
    'cuts a compressed body short',
    'ECONNRESET',
    (_, response) => {
      response.writeHead(200, { 'content-length': 100, 'content-encoding': 'gzip' });
      response.write(gzipSync('{"id":').subarray(0, 12), () => response.destroy());
    },
  ],
])('is unavailable when the service %s', async (_, errorCode, listener) => {
  answer = listener;
  expect(await ask()).toEqual({ kind: 'unavailable', cause: 'unreachable', errorCode });
});

it('names the code of a refused connection', async () => {
  await new Promise((resolve) => server.close(resolve));
  expect(await ask()).toEqual({ kind: 'unavailable', cause: 'unreachable', errorCode: 'ECONNREFUSED' });
  await new Promise<void>((resolve) => server.listen(0, resolve));
});

it('names the code of a certificate that is not trusted', async () => {
  const secure = closeAtEnd(https.createServer(createCertificate('localhost'), () => {}));
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
  const url = `https://localhost:${(secure.address() as AddressInfo).port}`;
  const verdict = await createKaizalaProvider(url, createAsk({ clock })).identify('tok-en', AbortSignal.any([]));
  expect(verdict).toEqual({ kind: 'unavailable', cause: 'unreachable', errorCode: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
});

it('names the code of a host name that does not exist', async () => {
  const provider = createKaizalaProvider('https://identity.invalid', createAsk({ clock }));
  const verdict = await provider.identify('tok-en', AbortSignal.any([]));
  expect(verdict).toMatchObject({ kind: 'unavailable', cause: 'unreachable' });
  // EAI_AGAIN where there is no network at all.
  expect((verdict as { errorCode?: string }).errorCode).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/);
});

it('freezes the identity, which many requests share', async () => {
  reply(200, JSON.stringify(user));
  const verdict = await ask();
  expect(Object.isFrozen((verdict as { identity: object }).identity)).toBe(true);
});

/** node-fetch searches the stream for the last chunk by itself, beside the parser. */
it.each([
  ['whole', ['5\r\n{"id"\r\n', '6\r\n:"u-1"\r\n', '1\r\n}\r\n', '0\r\n\r\n']],
  ['split within its line', ['c\r\n{"id":"u-1"}\r\n0', '\r\n\r\n']],
  ['split within its line ends', ['c\r\n{"id":"u-1"}\r\n0\r', '\n\r\n']],
  ['a byte at a time', [...'c\r\n{"id":"u-1"}\r\n0\r\n\r\n']],
  ['with a trailer', ['c\r\n{"id":"u-1"}\r\n0\r\nx: y\r\n\r\n']],
])('reads a chunked answer whose end comes %s and closes the connection', async (_, pieces) => {
  answer = async ({ socket }) => {
    socket.setNoDelay(true).write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n');
    for (const piece of pieces) {
      await new Promise((resolve) => socket.write(piece, resolve));
      await new Promise(setImmediate);
    }
    socket.end();
  };
  expect(await ask()).toMatchObject({ kind: 'valid', identity: { id: 'u-1' } });
});

it.each<[string, http.RequestListener]>([
  ['before the header', () => {}],
  [
    'after the header',
    (_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.flushHeaders();
    },
  ],
])('stops waiting %s when told to', async (_, listener) => {
  const arrived = deferred();
  const closed = deferred();
  answer = (request, response) => {
    request.socket.on('close', () => closed.resolve());
    listener(request, response);
    arrived.resolve();
  };
  const budget = new AbortController();
  const verdict = ask(budget.signal);
  await arrived.promise;
  budget.abort();
  expect(await verdict).toEqual({ kind: 'unavailable', cause: 'timeout' });
  await closed.promise;
});
