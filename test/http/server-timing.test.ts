/** W3C Server Timing: what a browser's developer tools show of where the identity came from. */
import { rm } from 'node:fs/promises';
import { type Answer, type App, startApp, warm } from '../harness/app';
import { buildAppWith } from '../harness/build-app-with';
import { jwtWith } from '../harness/tokens';

const handlers = `
  import { app } from '@azure/functions';
  import { secured } from '../shared/services';
  const add = (name, handler) => app.http(name, { authLevel: 'anonymous', handler: secured(handler) });
  add('own', () => ({ headers: { 'server-timing': 'db;dur=1' }, body: 'own' }));`;

let appDirectory: string;
let app: App;
beforeAll(async () => {
  appDirectory = await buildAppWith(handlers);
  app = await warm(await startApp({}, appDirectory));
});
afterAll(async () => {
  await app.close();
  await rm(appDirectory, { recursive: true });
});
beforeEach(() => app.identity.fault(undefined));

const whoami = (token = app.mint(), instance = app) => instance.get('/api/whoami', { accessToken: token });

/** As a browser reads it into `PerformanceResourceTiming.serverTiming`: name, description, whether it has a duration. */
function timingsOf({ headers }: Answer): string[] {
  const header = headers.get('server-timing') ?? '';
  return header.split(/,\s*/).map((metric) => {
    const [, name, description, duration] = /^(\w+)(?:;desc="([^"]*)")?;dur=([\d.]+)$/.exec(metric) ?? [];
    expect([metric, Number(duration)]).toEqual([metric, expect.any(Number)]);
    return description === undefined ? String(name) : `${name} ${description}`;
  });
}

it('names the identity service at first, then memory, and on another instance the table', async () => {
  const token = app.mint();
  expect(timingsOf(await whoami(token))).toEqual(['auth identity-service', 'table', 'identity', 'handler']);
  expect(timingsOf(await whoami(token))).toEqual(['auth memory', 'handler']);
  const second = await warm(await app.startSecond());
  expect(timingsOf(await whoami(token, second))).toEqual(['auth table', 'table', 'handler']);
  expect(timingsOf(await whoami(token, second))).toEqual(['auth memory', 'handler']);
  await second.close();
});

it('is on 403, without a handler that ran', async () => {
  const token = app.identity.mint({ card: 'other' });
  const answer = await whoami(token);
  expect([answer.status, timingsOf(answer)]).toEqual([403, ['auth identity-service', 'table', 'identity']]);
  expect(timingsOf(await whoami(token))).toEqual(['auth memory']);
});

it('is on 401 of a token that the identity service rejects, and then of memory', async () => {
  const token = `${app.mint()}x`;
  const answer = await whoami(token);
  expect([answer.status, timingsOf(answer)]).toEqual([401, ['auth identity-service', 'table', 'identity']]);
  expect(timingsOf(await whoami(token))).toEqual(['auth memory']);
});

it.each([
  ['has expired', jwtWith({ exp: 1 })],
  ['is malformed', 'tok$en'],
])('is on 401 of a token that %s: the token itself decided', async (_, token) => {
  const answer = await whoami(token);
  expect([answer.status, timingsOf(answer)]).toEqual([401, ['auth token']]);
});

it('is on 503: no source decided', async () => {
  app.identity.fault({ kind: 'status', status: 500 });
  const answer = await whoami();
  expect([answer.status, timingsOf(answer)]).toEqual([503, ['auth none', 'table', 'identity']]);
});

it('is not on the answer to a request without a token', async () => {
  expect((await app.get('/api/whoami')).headers.get('server-timing')).toBeNull();
});

it("extends the handler's own", async () => {
  const answer = await app.get('/api/own', { accessToken: app.mint() });
  expect(timingsOf(answer)).toEqual(['db', 'auth identity-service', 'table', 'identity', 'handler']);
});
