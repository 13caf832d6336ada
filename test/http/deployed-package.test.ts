/**
 * The package as it is deployed: a copy of what `npm run build` leaves, in a folder with no node_modules in it or above,
 * served by a process of its own. CI runs this under the Node version that is deployed, among others.
 */
import { cp, readdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build as bundle } from 'esbuild';
import { build } from '../../local/build';
import { startChildService } from '../../local/child-service';
import { createIdentityService } from '../../local/identity-service/create-identity-service';
import { requireEnvironment } from '../harness/app';
import { closeAtEnd } from '../harness/close-at-end';
import { startInstance } from '../harness/instance';
import { buildForCommand, temporaryFolder } from '../harness/temporary-folder';

const settings = {
  ALLOWED_CARD_IDS: 'card-orders',
  TOKEN_CACHE_SECRET: 'x'.repeat(32),
  AzureWebJobsStorage: requireEnvironment('TEST_STORAGE'),
};

const onStop = (stop: () => Promise<unknown>) => closeAtEnd({ stop });

it(`serves, alone in a folder, under Node ${process.versions.node}`, async () => {
  const [dist, deployed] = [await buildForCommand({ onStop }), await temporaryFolder({ onStop })];
  await cp(dist, deployed, { recursive: true });
  expect((await readdir(deployed)).sort()).toEqual(['app.js', 'app.js.map', 'host.json', 'main.js', 'package.json']);
  const resolveThere = createRequire(path.join(deployed, 'main.js')).resolve;
  expect(() => resolveThere('node-fetch')).toThrow('Cannot find module');

  const identity = closeAtEnd(await createIdentityService({ port: 0 }));
  const token = identity.mint({ user: 'asha', card: 'card-orders' });
  for (const source of ['identity-service', 'table']) {
    const { url } = closeAtEnd(await startInstance(deployed, { ...settings, IDENTITY_BASE_URL: identity.url }));
    expect((await fetch(`${url}/api/health`)).status).toBe(200);
    expect((await fetch(`${url}/api/whoami`)).status).toBe(401);
    const answer = await fetch(`${url}/api/whoami`, { headers: { accessToken: token } });
    expect(await answer.json()).toMatchObject({ name: 'Asha', validation: { source } });
  }
});

it("shows the source files in a bug's stack, in a process that nothing else told to", async () => {
  const folder = await temporaryFolder({ onStop });
  await writeFile(path.join(folder, 'kaput.ts'), 'export function kaput(): never {\n  throw new Error();\n}\n');
  await build(
    path.join(folder, 'dist'),
    `import { app } from '@azure/functions';
     import { secured } from '../shared/services';
     import { kaput } from '${path.join(folder, 'kaput')}';
     app.http('kaput', { authLevel: 'anonymous', handler: secured(async () => kaput()) });`,
  );
  // Not by tsx, which enables source maps in its process.
  const outfile = path.join(folder, 'host.cjs');
  await bundle({ entryPoints: [require.resolve('../harness/host-process')], bundle: true, platform: 'node', outfile });

  const identity = closeAtEnd(await createIdentityService({ port: 0 }));
  const lines: string[] = [];
  let url = '';
  const host = closeAtEnd(
    startChildService({
      name: 'The host',
      args: [outfile, path.join(folder, 'dist')],
      env: { PATH: process.env['PATH'], ...settings, IDENTITY_BASE_URL: identity.url },
      isReady: (line) => {
        url = line;
        return true;
      },
      log: (line) => lines.push(line),
      logError: (text) => lines.push(text),
    }),
  );
  await host.ready;
  const headers = { accessToken: identity.mint({ user: 'asha', card: 'card-orders' }) };
  expect((await fetch(`${url}/api/kaput`, { headers })).status).toBe(500);
  await host.stop();
  expect(lines.find((line) => line.includes('request_failed'))).toMatch(/at kaput \([^)]*kaput\.ts:2:9\)/);
});
