/** Table Storage out of reach: validation goes on, a business function says so, and all is well again afterwards. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type App, requireEnvironment, startApp } from '../harness/app';
import { closeAtEnd } from '../harness/close-at-end';
import { createTcpSwitch, type TcpSwitch } from '../harness/tcp-switch';

let line: TcpSwitch;
let app: App;
beforeEach(async () => {
  const [, port] = /TableEndpoint=http:\/\/127\.0\.0\.1:(\d+)/.exec(requireEnvironment('TEST_STORAGE')) ?? [];
  line = await createTcpSwitch(Number(port));
  app = await startApp({
    AzureWebJobsStorage: requireEnvironment('TEST_STORAGE').replace(`:${port}`, `:${line.port}`),
  });
  expect((await app.get('/api/whoami', bearer())).status).toBe(200);
});
afterEach(async () => {
  await app.close();
  await line.close();
});

const bearer = (token = app.mint()) => ({ authorization: `Bearer ${token}` });
const countOf = (event: string) => app.lines.filter((text) => text.includes(`"${event}"`)).length;

it.each(['cut', 'hang'] as const)('%s: validates all the same, with one warning', async (fault) => {
  line.turn(fault);
  for (let request = 0; request < 6; request += 1) {
    const answer = await app.get('/api/whoami', bearer());
    expect([answer.status, answer.body.validation.source]).toEqual([200, 'identity-service']);
  }
  expect(countOf('token_table_read_failed')).toBe(1);
  // A write is only tried after a read that was late because this machine is busy.
  expect(countOf('token_table_write_failed')).toBeLessThanOrEqual(1);
});

it.each(['cut', 'hang'] as const)(
  '%s: answers 503 to a business function, and serves it again afterwards',
  async (fault) => {
    const token = bearer();
    await app.get('/api/whoami', token);
    line.turn(fault);
    const answers = await Promise.all([
      app.post('/api/notes', { item: 'Tea', quantity: 1 }, token),
      app.get('/api/notes', token),
      app.get(`/api/notes/${'0'.repeat(32)}`, token),
    ]);
    for (const answer of answers) {
      expect([answer.status, answer.body.code]).toEqual([503, 'storage_unavailable']);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    }
    line.turn('on');
    expect((await app.post('/api/notes', { item: 'Tea', quantity: 1 }, token)).status).toBe(201);
  },
);

it('shows in /api/health, which is anonymous and tells no more than that', async () => {
  const healthy = await app.get('/api/health');
  expect([healthy.status, healthy.body]).toEqual([200, { status: 'ok' }]);
  expect(healthy.headers.get('cache-control')).toBe('no-store');
  // Another instance, since an answer is remembered for a second.
  const other = await app.startSecond();
  line.turn('cut');
  const answer = await other.get('/api/health');
  expect([answer.status, answer.body.code]).toEqual([503, 'storage_unavailable']);
  expect(answer.text).not.toMatch(/127\.0\.0\.1|devstore|ECONN/);
  await other.close();
});

it('repeats what fails for a moment for a collection, but not for the cache, where a miss costs less', async () => {
  const asked: string[] = [];
  const failing = closeAtEnd(
    http.createServer((request, response) => {
      asked.push(/\/(tokencache|notes)\(/.exec(request.url ?? '')?.[1] ?? 'other');
      const repeated = asked.filter((name) => name === 'notes').length > 2;
      response.writeHead(repeated ? 404 : 500).end();
    }),
  );
  await new Promise<void>((resolve) => failing.listen(0, '127.0.0.1', resolve));
  const { port } = failing.address() as AddressInfo;
  const other = await startApp({
    AzureWebJobsStorage: requireEnvironment('TEST_STORAGE').replace(
      /(TableEndpoint=http:\/\/127\.0\.0\.1):\d+/,
      `$1:${port}`,
    ),
  });
  const token = { authorization: `Bearer ${other.mint()}` };
  expect((await other.get(`/api/notes/${'0'.repeat(32)}`, token)).status).toBe(404);
  expect(asked).toEqual(['tokencache', 'notes', 'notes', 'notes']);
});
