/** The pool of connections to the identity service: what breaks on a pooled one says nothing about the service. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAsk } from '../../shared/auth/providers/http-client';
import { createKaizalaProvider } from '../../shared/auth/providers/kaizala';
import { type App, startApp } from '../harness/app';
import { createFakeClock } from '../harness/fake-clock';
import { jwtWith } from '../harness/tokens';

type Listener = (request: http.IncomingMessage, response: http.ServerResponse) => void;

let server: http.Server;
let baseUrl: string;
let connections: number;
let requests: number;
/** What answers the second request on a connection, and each further one. */
let later: Listener;
let card: string;
/** Released together, once so many requests have come: each then has a connection of its own. */
let held: http.ServerResponse[];
let holdUntil: number;

const ok: Listener = (_, response) => {
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ id: 'u-1', actionPackageId: card }));
};

beforeEach(async () => {
  [connections, requests, held, holdUntil, card, later] = [0, 0, [], 0, 'card-orders', ok];
  const served = new WeakSet<object>();
  server = http.createServer((request, response) => {
    requests += 1;
    if (served.has(request.socket)) return later(request, response);
    served.add(request.socket);
    held.push(response);
    if (held.length >= holdUntil) for (const one of held.splice(0)) ok(request, one as never);
  });
  server.keepAliveTimeout = 600_000;
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

const failures: [string, Listener][] = [
  ['closes without an answer', ({ socket }) => socket.destroy()],
  ['resets', ({ socket }) => socket.resetAndDestroy()],
  [
    'breaks off in the answer',
    ({ socket }, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{"id":', () => socket.destroy());
    },
  ],
];

describe('the provider', () => {
  const never = new AbortController().signal;
  const create = () => createKaizalaProvider(baseUrl, createAsk({ clock: createFakeClock() }));

  it('uses a connection again', async () => {
    const { identify } = create();
    for (const token of ['a', 'b', 'c']) expect(await identify(token, never)).toMatchObject({ kind: 'valid' });
    expect({ connections, requests }).toEqual({ connections: 1, requests: 3 });
  });

  it('takes a new connection when told to', async () => {
    const { identify } = create();
    await identify('a', never);
    for (const token of ['b', 'c']) {
      expect(await identify(token, never, { newConnection: true })).toMatchObject({ kind: 'valid' });
    }
    expect({ connections, requests }).toEqual({ connections: 3, requests: 3 });
  });

  it.each(failures)('tells that it was a pooled connection that %s', async (_, failure) => {
    const { identify } = create();
    await identify('a', never);
    later = failure;
    const verdict = { kind: 'unavailable', cause: 'unreachable', errorCode: 'ECONNRESET', onReusedConnection: true };
    expect(await identify('b', never)).toEqual(verdict);
    expect(await identify('b', never, { newConnection: true })).toMatchObject({ kind: 'valid' });
  });

  it('tells that it was a pooled connection that went silent', async () => {
    const { identify } = create();
    await identify('a', never);
    const deadline = new AbortController();
    later = () => deadline.abort();
    const verdict = { kind: 'unavailable', cause: 'timeout', onReusedConnection: true };
    expect(await identify('b', deadline.signal)).toEqual(verdict);
  });

  it('blames the service for what breaks on a new connection', async () => {
    const { identify } = create();
    const deadline = new AbortController();
    server.removeAllListeners('request').on('request', ({ socket }) => socket.destroy());
    const unreachable = { kind: 'unavailable', cause: 'unreachable', errorCode: 'ECONNRESET' };
    expect(await identify('a', never)).toEqual(unreachable);
    expect(await identify('a', never, { newConnection: true })).toEqual(unreachable);
    server.removeAllListeners('request').on('request', () => deadline.abort());
    expect(await identify('a', deadline.signal)).toEqual({ kind: 'unavailable', cause: 'timeout' });
  });

  it('blames the service for a bad answer on a pooled connection', async () => {
    const { identify } = create();
    await identify('a', never);
    later = (_, response) => response.end('x'.repeat(70_000));
    expect(await identify('b', never)).toEqual({ kind: 'unavailable', cause: 'unexpected_answer' });
  });
});

describe('the app', () => {
  let app: App;
  const newToken = (n: number) => jwtWith({ exp: Math.floor(Date.now() / 1000) + 600, n });
  const askAtOnce = (from: number) =>
    Promise.all(Array.from({ length: 8 }, (_, n) => app.get('/api/whoami', { accessToken: newToken(from + n) })));

  it.each<[string, Listener]>([...failures, ['goes silent', () => {}]])(
    'serves 8 new tokens at once when each of 8 pooled connections %s',
    async (_, failure) => {
      app = await startApp({ IDENTITY_BASE_URL: baseUrl });
      card = app.card;
      holdUntil = 8;
      expect((await askAtOnce(0)).map(({ status }) => status)).toEqual(Array(8).fill(200));
      expect(connections).toBe(8);
      holdUntil = 0;
      later = failure;
      expect((await askAtOnce(8)).map(({ status }) => status)).toEqual(Array(8).fill(200));
      expect({ connections, requests }).toEqual({ connections: 16, requests: 24 });
      const lines = app.lines.filter((line) => line.includes('identity_circuit'));
      expect(lines).toEqual([]);
      await app.close();
    },
  );
});
