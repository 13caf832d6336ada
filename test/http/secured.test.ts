/** What a handler of one's own gets from `secured`, and what becomes of what it does. */
import { rm } from 'node:fs/promises';
import { type App, startApp } from '../harness/app';
import { buildAppWith } from '../harness/build-app-with';

const source = `
  import { app, HttpResponse } from '@azure/functions';
  import { secured } from '../shared/services';
  const add = (name, handler) => app.http(name, { methods: ['GET', 'POST'], authLevel: 'anonymous', handler: secured(handler) });
  add('bug', () => { throw new TypeError('SENTINEL in the message'); });
  add('bugLater', async () => { await null; throw 'SENTINEL thrown bare'; });
  add('given', (given) => ({ jsonBody: {
    members: Object.keys(given), validation: Object.keys(given.validation),
    headers: [...given.request.headers.keys()],
    frozen: Object.isFrozen(given.principal),
    json: given.request.method === 'POST' ? given.json() : null,
  } }));
  add('upload', async ({ request }) => ({ body: (await request.arrayBuffer()).byteLength + ' bytes' }));
  add('instance', () => new HttpResponse({ status: 418, headers: { 'x-own': '1' }, body: 'teapot' }));
  add('ownHeaders', () => ({ status: 202, headers: { 'x-own': '1', 'cache-control': 'public' }, body: 'own' }));
`;

let appDirectory: string;
let app: App;
beforeAll(async () => {
  appDirectory = await buildAppWith(source);
  app = await startApp({}, appDirectory);
});
afterAll(async () => {
  await app.close();
  await rm(appDirectory, { recursive: true });
});

const bearer = () => ({ authorization: `Bearer ${app.mint()}` });

it.each(['bug', 'bugLater'])('a bug (%s) is 500, of which nothing is shown', async (name) => {
  const answer = await app.get(`/api/${name}`, bearer());
  expect([answer.status, answer.body.code]).toEqual([500, 'internal_error']);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const logged = app.lines.find((line) => line.includes('internal_error'));
  expect(logged).toContain('request_failed');
  expect(answer.text).not.toContain('SENTINEL');
});

it('logs the frames of a bug, mapped to its source', async () => {
  await app.get('/api/bug', bearer());
  expect(app.lines.find((line) => line.includes('TypeError'))).toMatch(/at .*more-functions\.ts:\d+/);
});

it('gives the handler a frozen principal and the body, but not the token', async () => {
  const { body } = await app.post('/api/given', { accessToken: app.mint(), item: 'Tea' });
  expect(body.members).toEqual(['principal', 'validation', 'request', 'json', 'context']);
  expect(body.validation).toEqual(expect.arrayContaining(['identity', 'validatedAtMs', 'expiresAtMs', 'source']));
  expect(body.frozen).toBe(true);
  expect(body.json).toEqual({ item: 'Tea' });
  for (const headers of [bearer(), { accessToken: app.mint() }]) {
    const names = (await app.get('/api/given', headers)).body.headers;
    expect(names).toContain('host');
    expect(names).not.toContain('authorization');
    expect(names).not.toContain('accesstoken');
  }
});

it('does not run the handler without a token, or without a good one', async () => {
  for (const headers of [{}, { accessToken: 'junk' }, { accessToken: app.identity.mint({ card: 'other' }) }]) {
    expect((await app.get('/api/bug', headers as Record<string, string>)).status).toBeLessThan(404);
  }
});

it('leaves a body that is not JSON to the handler', async () => {
  const answer = await app.post('/api/upload', 'x'.repeat(100_000), { ...bearer(), 'content-type': 'image/png' });
  expect(answer.text).toBe('100000 bytes');
});

it("keeps the handler's status and headers, but lets no cache keep the answer", async () => {
  const answer = await app.get('/api/ownHeaders', bearer());
  expect([answer.status, answer.text, answer.headers.get('x-own')]).toEqual([202, 'own', '1']);
  expect(answer.headers.get('cache-control')).toBe('no-store');
});

it('passes on an HttpResponse as well', async () => {
  const answer = await app.get('/api/instance', bearer());
  expect([answer.status, answer.text, answer.headers.get('x-own')]).toEqual([418, 'teapot', '1']);
  expect(answer.headers.get('cache-control')).toBe('no-store');
});
