/** A proxy that is late, silent or broken, seen from its own side. The rest is in test/http/proxies.test.ts. */
import { once } from 'node:events';
import https from 'node:https';
import net, { type AddressInfo, type Socket } from 'node:net';
import { createProxyAgent } from '../../shared/agents';
import { deferred } from '../harness/deferred';

let proxy: net.Server;
let asked: ReturnType<typeof deferred<Socket>>;
let target: string;
let accepted: Socket[];

beforeEach(async () => {
  asked = deferred<Socket>();
  accepted = [];
  proxy = net.createServer((socket) => {
    accepted.push(socket);
    socket
      .on('error', () => {})
      .once('data', (bytes) => {
        target = String(bytes).split('\r\n')[0] ?? '';
        asked.resolve(socket);
      });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  for (const socket of accepted) socket.destroy();
  await new Promise((resolve) => proxy.close(resolve));
});

function call(url: string, connectTimeoutMs?: number) {
  const agent = createProxyAgent(
    new URL(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`),
    {},
    connectTimeoutMs,
  );
  const request = https.get(url, { agent });
  const failed = once(request, 'error').then(([error]) => (error as NodeJS.ErrnoException).code);
  return { request, failed };
}

it.each([
  ['https://identity.test/', 'CONNECT identity.test:443 HTTP/1.1'],
  ['https://identity.test:8443/', 'CONNECT identity.test:8443 HTTP/1.1'],
  ['https://[2001:db8::1]/', 'CONNECT [2001:db8::1]:443 HTTP/1.1'],
])('asks for a tunnel to %s', async (url, line) => {
  const { failed } = call(url);
  (await asked.promise).end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  expect(await failed).toBe('PROXY_502');
  expect(target).toBe(line);
});

it('closes a tunnel that comes after the call was given up', async () => {
  const { request, failed } = call('https://identity.test/');
  const socket = await asked.promise;
  request.destroy(Object.assign(new Error(), { code: 'GIVEN_UP' }));
  const closed = once(socket.resume(), 'close');
  socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
  await closed;
  expect(await failed).toBe('GIVEN_UP');
});

it.each<[string, string, (socket: Socket) => void]>([
  ['closes instead of an answer', 'ECONNRESET', (socket) => socket.end()],
  ['resets instead of an answer', 'ECONNRESET', (socket) => socket.resetAndDestroy()],
  ['speaks no HTTP', 'HPE_INVALID_CONSTANT', (socket) => socket.end('nonsense\r\n\r\n')],
  [
    'breaks the tunnel while TLS begins',
    'ECONNRESET',
    (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n', () => socket.resetAndDestroy()),
  ],
])('fails with its code when the proxy %s', async (_, code, answer) => {
  const { failed } = call('https://identity.test/');
  answer(await asked.promise);
  expect(await failed).toBe(code);
});

it('gives up a proxy that is silent', async () => {
  const { failed } = call('https://identity.test/', 1);
  expect(await failed).toBe('ETIMEDOUT');
});
