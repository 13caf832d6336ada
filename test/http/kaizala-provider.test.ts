import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createKaizalaProvider } from '../../shared/auth/providers/kaizala';
import { closeAtEnd } from '../harness/close-at-end';
import { deferred } from '../harness/deferred';
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

const clock = () => Date.UTC(2026, 0, 1);
const ask = (signal = new AbortController().signal) => createKaizalaProvider(baseUrl, clock).identify('tok-en', signal);
const reply = (status: number, body: string | Buffer = '', headers: http.OutgoingHttpHeaders = {}) => {
  answer = (_, response) => response.writeHead(status, headers).end(body);
};

it('has the name and the address that the keys of rows are made of', () => {
  expect(createKaizalaProvider(baseUrl, clock)).toMatchObject({ name: 'kaizala', endpoint: `${baseUrl}/v1/users/me` });
});

it('tells tokens of the form of its own from others, without a call', () => {
  const { recognizes } = createKaizalaProvider(baseUrl, clock);
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
  [401, { kind: 'rejected', definite: true }],
  [403, { kind: 'rejected', definite: true }],
  [400, { kind: 'rejected', definite: false }],
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
  ['a date', new Date(clock() + 9_500).toUTCString(), 9],
  ['a date that is over', new Date(clock() - 9_500).toUTCString(), 1],
  ['far too long', '99999999', 3_600],
  ['a fraction, which would not do for a header of our own', '1.5', 1],
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
  reply(503, '', { 'retry-after': new Date(clock() + 9_000).toUTCString() });
  const provider = createKaizalaProvider(baseUrl, () => clock() + 500);
  const verdict = await provider.identify('tok-en', new AbortController().signal);
  expect(verdict).toMatchObject({ retryAfterSeconds: 9 });
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

it('counts the 64 KiB after decompression', async () => {
  reply(200, gzipSync(JSON.stringify({ ...user, padding: 'x'.repeat(20_000_000) })), { 'content-encoding': 'gzip' });
  expect(await ask()).toEqual({ kind: 'unavailable', cause: 'unexpected_answer' });
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

it.each<[string, http.RequestListener]>([
  ['closes without an answer', (request) => request.socket.destroy()],
  [
    'breaks off in the body',
    (_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{"id":', () => response.destroy());
    },
  ],
  ['speaks no HTTP', (request) => request.socket.end('nonsense\r\n\r\n')],
])('is unavailable when the service %s', async (_, listener) => {
  answer = listener;
  expect(await ask()).toEqual({ kind: 'unavailable', cause: 'unreachable' });
});

it('is unavailable when nothing listens', async () => {
  await new Promise((resolve) => server.close(resolve));
  expect(await ask()).toEqual({ kind: 'unavailable', cause: 'unreachable' });
  await new Promise<void>((resolve) => server.listen(0, resolve));
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
