/** The README's promises run: its commands exist, its curl line answers what it shows, its example is a function. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { createHost } from '../../local/functions-host/src/create-host';
import { type App, startApp } from '../harness/app';
import { buildAppWith } from '../harness/build-app-with';
import { closeAtEnd } from '../harness/close-at-end';

const root = path.join(__dirname, '../..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
const lines = readme.split('\n');
const blocks = [...readme.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({
  language,
  text,
}));
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

it('says what it is, both commands and a request with its answer within 30 lines, and all within 200', () => {
  const top = lines.slice(0, 30).join('\n');
  for (const part of ['npm install && npm start', 'npm install && npm test', 'curl -s', '"validation"']) {
    expect(top).toContain(part);
  }
  expect(lines.length).toBeLessThan(200);
});

it('names only scripts that exist, and each of them that is for people', () => {
  const named = [...readme.matchAll(/npm (?:run )?([a-z]+(?::[a-z]+)?)/g)].map(([, name = '']) => name);
  const scripts = named.filter((name) => name !== 'install');
  expect([...new Set(scripts)].sort()).toEqual(
    Object.keys(manifest.scripts)
      .filter((name) => name !== 'prepare')
      .sort(),
  );
});

it('links only to files that exist', async () => {
  for (const [, file = ''] of readme.matchAll(/\]\((?!https?:)([^)#]+)/g)) await readFile(path.join(root, file));
  for (const [, file = ''] of readme.matchAll(/`((?:functions|shared|local|test|infra|docs)\/[\w./-]+\.\w+)`/g)) {
    if (!/^functions\/(hello|visits)\.ts$/.test(file)) await readFile(path.join(root, file));
  }
});

describe('what it shows', () => {
  let app: App;
  beforeAll(async () => {
    app = await startApp({ ALLOWED_CARD_IDS: 'card-orders' });
  });
  afterAll(() => app.close());

  it('its curl line answers what stands below it', async () => {
    const line = lines.find((text) => text.startsWith('curl ')) ?? '';
    const moved = line
      .replace('http://127.0.0.1:7071', app.host.url)
      .replace('http://127.0.0.1:7072', app.identity.url);
    const { stdout } = await promisify(execFile)('sh', ['-c', moved]);
    const shown = JSON.parse(blocks.find(({ language }) => language === 'json')?.text ?? '');
    const answered = JSON.parse(stdout);
    expect(Object.keys(answered.validation)).toEqual(Object.keys(shown.validation));
    expect({ ...answered, validation: answered.validation.source }).toEqual({
      ...shown,
      validation: shown.validation.source,
    });
  });

  it('its example is a protected function, in under 15 lines', async () => {
    const example = blocks.find(({ language, text }) => language === 'ts' && text.includes('secured('))?.text ?? '';
    expect(example.trim().split('\n').length).toBeLessThan(15);
    const appDirectory = await buildAppWith(example);
    const host = closeAtEnd(await createHost({ appDirectory, env: { ...app.settings }, port: 0, log: () => {} }));
    const call = async (token?: string) => {
      const response = await fetch(`${host.url}/api/hello`, {
        headers: token === undefined ? {} : { accessToken: token },
      });
      return [response.status, await response.json()];
    };
    expect(await call(app.identity.mint({ card: 'card-orders' }))).toEqual([200, { hello: 'Asha' }]);
    expect(await call(app.identity.mint({ card: 'card-other' }))).toMatchObject([403, {}]);
    expect(await call()).toMatchObject([401, {}]);
    await rm(appDirectory, { recursive: true });
  });

  it('its second example keeps rows of each user, in under 30 lines', async () => {
    const example = blocks.find(({ language, text }) => language === 'ts' && text.includes('collection('))?.text ?? '';
    expect(example.trim().split('\n').length).toBeLessThan(30);
    const appDirectory = await buildAppWith(example);
    const host = await createHost({ appDirectory, env: { ...app.settings }, port: 0, log: () => {} });
    const call = async (user: string, visit?: object) => {
      const headers = {
        accessToken: app.identity.mint({ user, card: 'card-orders' }),
        'content-type': 'application/json',
      };
      const init = visit === undefined ? {} : { method: 'POST', body: JSON.stringify(visit) };
      const response = await fetch(`${host.url}/api/visits`, { headers, ...init });
      return [response.status, await response.json()];
    };
    const visit = { place: 'Harbour', stars: 5 };
    const [status, item] = await call('asha', visit);
    expect([status, item]).toMatchObject([201, { id: expect.any(String), value: visit }]);
    expect(await call('asha')).toEqual([200, { items: [item] }]);
    expect(await call('ben')).toEqual([200, { items: [] }]);
    expect(await call('asha', { ...visit, stars: 6 })).toMatchObject([400, { code: 'invalid_body' }]);
    await host.close();
    await rm(appDirectory, { recursive: true });
  });

  it('its endpoints are the ones that the app serves, and docs/requests.http asks each', () => {
    const table = readme.split('## Endpoints')[1]?.split('\n\n')[1] ?? '';
    const documented = [...table.matchAll(/`(GET|POST) (\/api\/[^`?]*)/g)].map(
      ([, method, route]) => `${method} ${route?.trim()}`,
    );
    const served = app.host.functions
      .filter(({ trigger }) => trigger === 'http')
      .flatMap(({ methods, url }) => methods.map((method) => `${method} ${decodeURI(new URL(url ?? '').pathname)}`));
    // A feature that was deleted may leave its lines behind, and the tests' own one is not deployed.
    const isThere = (endpoint: string) =>
      readdirSync(path.join(root, 'functions')).some((name) => endpoint.includes(`/${name.replace('.ts', '')}`));
    expect(documented.filter(isThere).sort()).toEqual(served.filter(isThere).sort());
    const requests = readFileSync(path.join(root, 'docs/requests.http'), 'utf8');
    for (const endpoint of served.filter(isThere)) {
      const pattern = endpoint.replace(' ', ' {{host}}').split('{id}')[0] ?? '';
      expect(requests).toContain(pattern);
    }
  });
});
