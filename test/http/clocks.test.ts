/** The wall clock is set back an hour while the app runs. Nothing lasts longer for it. */
import { rm } from 'node:fs/promises';
import { type Answer, type App, requireEnvironment, startApp, warm } from '../harness/app';
import { buildAppWith } from '../harness/build-app-with';
import { closeAtEnd } from '../harness/close-at-end';
import { advance, movableClocks, moveWall, stopClocks } from '../harness/movable-clocks';
import { createScriptedIdentity, newToken, type ScriptedIdentity } from '../harness/scripted-identity';
import { createTcpSwitch, type TcpSwitch } from '../harness/tcp-switch';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

let appDirectory: string;
let service: ScriptedIdentity;
let storage: TcpSwitch;
let app: App;
beforeAll(async () => {
  appDirectory = await buildAppWith(movableClocks);
});
afterAll(() => rm(appDirectory, { recursive: true }));
beforeEach(async () => {
  service = await createScriptedIdentity();
  const [, port = ''] = /TableEndpoint=http:\/\/127\.0\.0\.1:(\d+)/.exec(requireEnvironment('TEST_STORAGE')) ?? [];
  storage = closeAtEnd(await createTcpSwitch(Number(port)));
  const AzureWebJobsStorage = requireEnvironment('TEST_STORAGE').replace(`:${port}`, `:${storage.port}`);
  app = await warm(await startApp({ ...service.settings, AzureWebJobsStorage }, appDirectory));
  await stopClocks(app);
});
afterEach(() => app.close());

const whoami = (token = newToken(), instance = app) => instance.get('/api/whoami', { accessToken: token });
const sourceOf = ({ body }: Answer) => body.validation?.source;
const setBack = () => moveWall(app, -HOUR_MS);

it('an open circuit closes after its 5 s', async () => {
  service.answer = () => 'reset';
  for (let n = 0; n < 5; n += 1) await whoami();
  service.answer = () => 'valid';
  await setBack();
  const early = await whoami();
  expect([early.status, early.headers.get('retry-after')]).toEqual([503, '5']);
  await advance(app, 5 * SECOND_MS);
  expect((await whoami()).status).toBe(200);
});

it('health notices after its second of memory that the storage is gone', async () => {
  expect((await app.get('/api/health')).status).toBe(200);
  await setBack();
  storage.turn('cut');
  await advance(app, SECOND_MS);
  expect((await app.get('/api/health')).status).toBe(503);
});

it('a rejected token is asked about again after 10 s', async () => {
  const token = newToken();
  service.answer = () => ({ status: 401 });
  expect((await whoami(token)).status).toBe(401);
  service.answer = () => 'valid';
  await setBack();
  expect((await whoami(token)).status).toBe(401);
  await advance(app, 10 * SECOND_MS);
  expect((await whoami(token)).status).toBe(200);
});

it("a throttled token is sent again after the service's own time", async () => {
  const token = newToken();
  service.answer = () => ({ status: 429, retryAfterSeconds: 20 });
  expect((await whoami(token)).status).toBe(503);
  service.answer = () => 'valid';
  await setBack();
  await advance(app, 20 * SECOND_MS);
  expect((await whoami(token)).status).toBe(200);
});

it('a cached verdict ends 30 real minutes after its validation, in memory and in its row', async () => {
  const token = newToken();
  await whoami(token);
  const second = await warm(await app.startSecond());
  await setBack();
  await advance(app, 30 * MINUTE_MS - SECOND_MS);
  expect(sourceOf(await whoami(token))).toBe('memory');
  const late = newToken();
  await whoami(late);

  await advance(app, 2 * SECOND_MS);
  // Also where the row is read for the first time.
  expect(sourceOf(await whoami(token, second))).toBe('identity-service');
  expect(sourceOf(await whoami(late, second))).toBe('table');
  await second.close();
});

it('a verdict that memory no longer believes is not believed when its row is read again', async () => {
  const token = newToken();
  await whoami(token);
  await setBack();
  await advance(app, 30 * MINUTE_MS + SECOND_MS);
  expect(sourceOf(await whoami(token))).toBe('identity-service');
  expect(service.sent).toHaveLength(2);
});

it('a cached verdict ends with the wall clock, too: the machine slept', async () => {
  const token = newToken();
  await whoami(token);
  await moveWall(app, 31 * MINUTE_MS);
  expect(sourceOf(await whoami(token))).toBe('identity-service');
});
