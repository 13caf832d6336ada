/**
 * What the variables for proxies do to the app, in processes of its own, whose environment they are. The names under
 * `.test` exist nowhere (RFC 6761), so a call that reaches them has gone through the proxy.
 */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { createIdentityService } from '../../local/identity-service/create-identity-service';
import { requireEnvironment } from '../harness/app';
import { createCertificate } from '../harness/certificate';
import { type ConnectProxy, createConnectProxy } from '../harness/connect-proxy';
import { type Instance, startInstance } from '../harness/instance';
import { temporaryFolder } from '../harness/temporary-folder';
import { jwtWith } from '../harness/tokens';

const toStop: (() => Promise<unknown>)[] = [];
const onStop = (stop: () => Promise<unknown>) => toStop.push(stop);
afterEach(async () => {
  for (const stop of toStop.splice(0).reverse()) await stop();
});

const settings = { ALLOWED_CARD_IDS: 'card-orders', TOKEN_CACHE_SECRET: randomBytes(32).toString('base64url') };
const newToken = () => jwtWith({ exp: Math.floor(Date.now() / 1000) + 600, jti: randomBytes(8).toString('hex') });

async function startApp(environment: Record<string, string>): Promise<Instance> {
  const app = await startInstance(requireEnvironment('TEST_APP_DIRECTORY'), { ...settings, ...environment });
  onStop(() => app.stop());
  return app;
}

async function listen(server: http.Server | https.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onStop(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

const get = (app: Instance, route: string, headers: Record<string, string> = { accessToken: newToken() }) =>
  fetch(`${app.url}/api/${route}`, { headers });
const statusOf = async (app: Instance, route: string) => (await get(app, route)).status;

it.each(['http://127.0.0.1:9', 'no address'])(
  'reaches what is on loopback when the variables for proxies are set, to %s for instance',
  async (proxy) => {
    const identity = await createIdentityService({ port: 0 });
    onStop(() => identity.close());
    const app = await startApp({
      IDENTITY_BASE_URL: identity.url,
      AzureWebJobsStorage: requireEnvironment('TEST_STORAGE'),
      HTTP_PROXY: proxy,
      http_proxy: proxy,
      ALL_PROXY: proxy,
      all_proxy: proxy,
      npm_config_proxy: proxy,
      npm_config_https_proxy: proxy,
      // Both refuse an address that is none: the app as a bad setting, and Node by itself.
      ...(proxy.startsWith('http') && { HTTPS_PROXY: proxy, NODE_USE_ENV_PROXY: '1' }),
    });
    const headers = { accessToken: identity.mint() };
    const routes = ['health', 'whoami', 'notes'];
    const answers = await Promise.all(routes.map((route) => get(app, route, headers)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(app.lines.filter((line) => line.includes('token_table'))).toEqual([]);
  },
);

describe('with an identity service and a storage account elsewhere', () => {
  let proxy: ConnectProxy;
  let secureProxy: ConnectProxy;
  let elsewhere: Record<string, string>;
  /** Host and path of each request that arrived. */
  let arrived: string[];
  let accessTokens: Set<string | undefined>;

  beforeEach(async () => {
    [arrived, accessTokens] = [[], new Set()];
    const certificate = createCertificate('identity.test', 'storage.test', 'localhost');
    const services = https.createServer(certificate, ({ headers, method, url }, response) => {
      arrived.push(`${method} ${headers.host}${url?.split('?')[0]}`);
      response.setHeader('content-type', 'application/json');
      if (headers.host === 'identity.test') {
        response.end(JSON.stringify({ id: 'u-1', actionPackageId: 'card-orders' }));
        return;
      }
      accessTokens.add(headers.authorization);
      if (method === 'PUT' || method === 'PATCH') response.writeHead(204).end();
      else if (url?.includes('PartitionKey=')) {
        response.writeHead(404).end(JSON.stringify({ 'odata.error': { code: 'ResourceNotFound', message: {} } }));
      } else response.end(JSON.stringify({ value: [] }));
    });
    const servicesPort = await listen(services);
    proxy = await createConnectProxy(servicesPort);
    secureProxy = await createConnectProxy(servicesPort, certificate);
    onStop(() => Promise.all([proxy.close(), secureProxy.close()]));
    const certificateFile = path.join(await temporaryFolder({ onStop }), 'certificate.pem');
    await writeFile(certificateFile, certificate.cert);
    const managedIdentity = http.createServer((_, response) => {
      const expires_on = String(Math.floor(Date.now() / 1000) + 86_400);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ access_token: 'access', expires_on, token_type: 'Bearer', resource: 'storage' }));
    });
    elsewhere = {
      IDENTITY_BASE_URL: 'https://identity.test',
      AzureWebJobsStorage__tableServiceUri: 'https://storage.test',
      AzureWebJobsStorage__credential: 'managedidentity',
      IDENTITY_ENDPOINT: `http://127.0.0.1:${await listen(managedIdentity)}/msi/token`,
      IDENTITY_HEADER: 'header',
      NODE_EXTRA_CA_CERTS: certificateFile,
      HTTP_PROXY: 'http://127.0.0.1:9',
      ALL_PROXY: 'http://127.0.0.1:9',
    };
  });

  it.each([['HTTPS_PROXY'], ['https_proxy']])('goes through %s to both, and keeps its tunnels', async (name) => {
    const app = await startApp({ ...elsewhere, [name]: `http://user:p%40ss@127.0.0.1:${proxy.port}` });
    for (const route of ['health', 'whoami', 'whoami', 'notes'])
      expect([route, await statusOf(app, route)]).toEqual([route, 200]);
    expect(proxy.targets.filter((target) => target === 'identity.test:443')).toHaveLength(1);
    expect(new Set(proxy.targets)).toEqual(new Set(['identity.test:443', 'storage.test:443']));
    expect(arrived.filter((request) => request === 'GET identity.test/v1/users/me')).toHaveLength(3);
    expect(accessTokens).toEqual(new Set(['Bearer access']));
    expect(proxy.others).toEqual([]);
    const basic = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;
    expect(new Set(proxy.credentials)).toEqual(new Set([basic]));
  });

  it.each([
    ['NO_PROXY', 'identity.test', { health: 200, whoami: 503, notes: 503 }, 'storage.test:443'],
    ['no_proxy', 'storage.test', { health: 503, whoami: 200, notes: 503 }, 'identity.test:443'],
  ])('does not where %s is %s', async (name, exception, statuses, target) => {
    const proxyUrl = `http://127.0.0.1:${proxy.port}`;
    const app = await startApp({ ...elsewhere, HTTPS_PROXY: proxyUrl, [name]: exception });
    for (const [route, status] of Object.entries(statuses))
      expect([route, await statusOf(app, route)]).toEqual([route, status]);
    expect(new Set(proxy.targets)).toEqual(new Set([target]));
    expect(app.lines.join('\n')).toMatch(/ENOTFOUND|EAI_AGAIN/); // the latter where there is no network at all
  });

  it.each([403, 404, 407])('takes the refusal of the proxy, %i, for an outage, never for an answer', async (status) => {
    proxy.refuse(status);
    const app = await startApp({ ...elsewhere, HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` });
    const answer = await get(app, 'whoami');
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([503, 'identity_unavailable']);
    expect(await statusOf(app, 'health')).toBe(503);
    expect(app.lines.join('\n')).toContain(`"errorCode":"PROXY_${status}"`);
    expect(arrived).toEqual([]);
  });

  it('goes through a proxy that is itself called by TLS', async () => {
    const app = await startApp({ ...elsewhere, HTTPS_PROXY: `https://localhost:${secureProxy.port}` });
    expect([await statusOf(app, 'health'), await statusOf(app, 'whoami')]).toEqual([200, 200]);
    expect(new Set(secureProxy.targets)).toEqual(new Set(['identity.test:443', 'storage.test:443']));
  });

  it('makes new tunnels when the proxy has cut them', async () => {
    const app = await startApp({ ...elsewhere, HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` });
    expect(await statusOf(app, 'whoami')).toBe(200);
    proxy.cut();
    expect(await statusOf(app, 'whoami')).toBe(200);
    expect(await statusOf(app, 'health')).toBe(200);
  });
});
