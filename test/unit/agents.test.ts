/** Which connection a call takes. What the proxy then does is in test/http/proxies.test.ts. */
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAgents } from '../../shared/agents';
import { readConfig } from '../../shared/config';

const settings = {
  IDENTITY_BASE_URL: 'https://identity.example',
  ALLOWED_CARD_IDS: 'card-orders',
  TOKEN_CACHE_SECRET: 's'.repeat(32),
  AzureWebJobsStorage: 'UseDevelopmentStorage=true',
};
const HTTPS_PROXY = 'http://proxy.example:8080';

function routeOf(url: string, environment: Record<string, string>): string {
  const agent = createAgents(readConfig({ ...settings, ...environment }).proxy)(url);
  if (Object.hasOwn(agent, 'createConnection')) return 'proxy';
  return agent instanceof https.Agent ? 'https' : 'http';
}

it.each([
  ['https://identity.example/v1', 'proxy'],
  ['https://10.0.0.4/', 'proxy'],
  ['https://[2001:db8::1]/', 'proxy'],
  ['http://identity.example/', 'http'],
  ['http://169.254.169.254/metadata', 'http'],
  ['http://127.0.0.1:10002/', 'http'],
  ['https://localhost:7072/', 'https'],
  ['https://127.0.0.1:7072/', 'https'],
  ['https://127.9.9.9/', 'https'],
  ['https://[::1]:7072/', 'https'],
])('with HTTPS_PROXY, %s goes by %s', (url, route) => {
  expect(routeOf(url, { HTTPS_PROXY })).toBe(route);
});

it.each([
  [{}, 'https'],
  [{ HTTPS_PROXY: '' }, 'https'],
  [
    { HTTP_PROXY: HTTPS_PROXY, ALL_PROXY: HTTPS_PROXY, http_proxy: HTTPS_PROXY, npm_config_https_proxy: HTTPS_PROXY },
    'https',
  ],
  [{ HTTPS_PROXY }, 'proxy'],
  [{ https_proxy: HTTPS_PROXY }, 'proxy'],
  [{ HTTPS_PROXY: 'proxy.example:8080' }, 'proxy'],
  [{ HTTPS_PROXY, NO_PROXY: 'a.identity.example' }, 'https'],
  [{ HTTPS_PROXY, no_proxy: 'a.identity.example' }, 'https'],
  [{ HTTPS_PROXY, NO_PROXY: 'A.Identity.Example' }, 'https'],
  [{ HTTPS_PROXY, NO_PROXY: 'identity.example' }, 'https'],
  [{ HTTPS_PROXY, NO_PROXY: '.identity.example' }, 'https'],
  [{ HTTPS_PROXY, NO_PROXY: '*.example' }, 'https'],
  [{ HTTPS_PROXY, NO_PROXY: '*' }, 'https'],
  [{ HTTPS_PROXY, NO_PROXY: 'other.example, identity.example' }, 'https'],
  [{ HTTPS_PROXY, NO_PROXY: 'other.example identity.example' }, 'https'],
  [{ HTTPS_PROXY, NO_PROXY: 'identity.example:443' }, 'https'],
  [{ HTTPS_PROXY, NO_PROXY: 'identity.example:8443' }, 'proxy'],
  [{ HTTPS_PROXY, NO_PROXY: 'dentity.example' }, 'proxy'],
  [{ HTTPS_PROXY, NO_PROXY: 'b.a.identity.example' }, 'proxy'],
  [{ HTTPS_PROXY, NO_PROXY: ' , ' }, 'proxy'],
  [{ HTTPS_PROXY, NO_PROXY: 'other.example', no_proxy: 'identity.example' }, 'https'],
])('with %j, https://a.identity.example goes by %s', (environment, route) => {
  expect(routeOf('https://a.identity.example/', environment as Record<string, string>)).toBe(route);
});

it.each(['socks5://user:secret@proxy.example', 'http://', 'http://proxy.example:port'])(
  'refuses the proxy %s by its rule, without showing it',
  (value) => {
    const read = () => readConfig({ ...settings, HTTPS_PROXY: value });
    expect(read).toThrow(/HTTPS_PROXY must be the address of an http proxy/);
    expect(read).not.toThrow(/secret/);
  },
);

it.each([
  ['60 s', {}, 60_000],
  ['less where the server says so', { 'keep-alive': 'timeout=7' }, 7_000],
])('keeps a connection that is not used for %s', async (_, headers, atMostMs) => {
  const server = http.createServer((_, response) => response.writeHead(200, headers).end());
  server.keepAliveTimeout = 0; // no hint of its own
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const agent = createAgents(undefined)(url);
  const kept = new Promise((resolve) => agent.on('free', () => setImmediate(resolve)));
  http.get(url, { agent }, (response) => response.resume());
  await kept;
  const [socket] = Object.values(agent.freeSockets)[0] ?? [];
  expect(socket?.timeout).toBeLessThanOrEqual(atMostMs);
  expect(socket?.timeout).toBeGreaterThanOrEqual(atMostMs - 1_000); // newer versions of Node close a second earlier
  agent.destroy();
  await new Promise((resolve) => server.close(resolve));
});
