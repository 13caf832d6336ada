/** What a card in a web view, whose page has another origin than the API, may read of the answers. */
import { createHost, type Host } from '../../local/functions-host/src/create-host';
import { type App, requireEnvironment, startApp } from '../harness/app';
import { closeAtEnd } from '../harness/close-at-end';

const origin = 'https://cards.example';
const cors = { origins: [origin], credentials: false };
let app: App;
let host: Host;
beforeAll(async () => {
  app = await startApp();
  const appDirectory = requireEnvironment('TEST_APP_DIRECTORY');
  host = closeAtEnd(await createHost({ appDirectory, env: app.settings, port: 0, cors, log: () => undefined }));
});

it("allows the page's preflight, and no other page's", async () => {
  const preflight = (from: string) =>
    fetch(`${host.url}/api/whoami`, {
      method: 'OPTIONS',
      headers: {
        origin: from,
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'authorization',
      },
    });
  const allowed = await preflight(origin);
  expect(allowed.status).toBe(204);
  expect(allowed.headers.get('access-control-allow-origin')).toBe(origin);
  expect(allowed.headers.get('access-control-allow-headers')).toBe('authorization');
  expect((await preflight('https://evil.example')).headers.has('access-control-allow-origin')).toBe(false);
});

it.each([
  ['200', '/api/whoami', true, 200],
  ['401', '/api/whoami', false, 401],
  ["the host's own 404", '/api/no-such-function', false, 404],
])('lets the page read the headers that a card needs, of %s', async (_, path, hasToken, status) => {
  const headers = { origin, ...(hasToken && { accessToken: app.mint() }) };
  const answer = await fetch(host.url + path, { headers });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
  expect(answer.headers.get('access-control-expose-headers')?.split(', ')).toEqual([
    'Location',
    'Retry-After',
    'Idempotency-Replayed',
    'WWW-Authenticate',
    'Server-Timing',
  ]);
});

it.each(['/api/whoami', '/api/health', '/api/no-such-function'])(
  'tells browsers to guess no content type of %s',
  async (path) => {
    const answer = await fetch(host.url + path);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  },
);
