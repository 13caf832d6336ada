/**
 * The package as it is deployed: a copy of what `npm run build` leaves, in a folder with no node_modules in it or above,
 * served by a process of its own. CI runs this under the Node version that is deployed, among others.
 */
import { cp, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createIdentityService } from '../../local/identity-service/create-identity-service';
import { requireEnvironment } from '../harness/app';
import { startInstance } from '../harness/instance';
import { buildForCommand, temporaryFolder } from '../harness/temporary-folder';

const toStop: (() => Promise<unknown>)[] = [];
const onStop = (stop: () => Promise<unknown>) => toStop.push(stop);
afterAll(async () => {
  for (const stop of toStop.reverse()) await stop();
});

it(`serves, alone in a folder, under Node ${process.versions.node}`, async () => {
  const [dist, deployed] = [await buildForCommand({ onStop }), await temporaryFolder({ onStop })];
  await cp(dist, deployed, { recursive: true });
  expect((await readdir(deployed)).sort()).toEqual(['host.json', 'main.js', 'main.js.map', 'package.json']);
  const resolveThere = createRequire(path.join(deployed, 'main.js')).resolve;
  expect(() => resolveThere('node-fetch')).toThrow('Cannot find module');

  const identity = await createIdentityService({ port: 0 });
  toStop.push(() => identity.close());
  const { url, stop } = await startInstance(deployed, {
    IDENTITY_BASE_URL: identity.url,
    ALLOWED_CARD_IDS: 'card-orders',
    TOKEN_CACHE_SECRET: 'x'.repeat(32),
    AzureWebJobsStorage: requireEnvironment('TEST_STORAGE'),
  });
  toStop.push(stop);

  const headers = { accessToken: identity.mint({ user: 'asha', card: 'card-orders' }) };
  expect((await fetch(`${url}/api/health`)).status).toBe(200);
  expect((await fetch(`${url}/api/whoami`)).status).toBe(401);
  expect(await (await fetch(`${url}/api/whoami`, { headers })).json()).toMatchObject({ name: 'Asha' });
  const order = await fetch(`${url}/api/orders`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ item: 'Tea', quantity: 1 }),
  });
  expect(order.status).toBe(201);
  expect((await fetch(url + order.headers.get('location'), { headers })).status).toBe(200);
});
