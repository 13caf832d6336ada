/** What is logged of a bug in a handler: enough to find it, and nothing of its caller. */
import { rm } from 'node:fs/promises';
import { type App, startApp } from '../harness/app';
import { buildAppWith } from '../harness/build-app-with';

const source = `
  import { app } from '@azure/functions';
  import { secured } from '../shared/services';
  const add = (name, handler) => app.http(name, { methods: ['POST'], authLevel: 'anonymous', handler: secured(handler) });
  add('kaput', () => { throw new RangeError('kaput'); });
  add('bare', async () => { await null; throw 'kaput and bare'; });
  add('talkative', ({ principal, json }) => {
    throw new Error('kaput for ' + JSON.stringify(principal) + encodeURIComponent(principal.name) + JSON.stringify(json()));
  });
  add('parse', ({ json }) => JSON.parse(json().text));
  add('hostile', () => { throw { get message() { throw new Error('kaput'); } }; });
  add('bigint', () => ({ jsonBody: { n: 1n } }));
  add('circular', () => { const kaput = {}; kaput.kaput = kaput; return { jsonBody: kaput }; });
  add('status', () => ({ status: 9999 }));
  add('named', ({ principal }) => {
    throw Object.assign(new Error('kaput'), { name: principal.name, code: principal.phoneNumber });
  });
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

/** Posts to a function that has a bug: the lines that it logs. */
async function linesOf(name: string, body: object = {}, token = app.mint()): Promise<string> {
  const before = app.lines.length;
  const answer = await app.post(`/api/${name}`, body, { authorization: `Bearer ${token}` });
  expect([answer.status, answer.body.code]).toEqual([500, 'internal_error']);
  expect(answer.text).not.toMatch(/kaput|at .*:\d+/);
  return app.lines.slice(before).join('\n');
}

it('its message, and where it is in the source', async () => {
  const lines = await linesOf('kaput');
  expect(lines).toContain('RangeError: kaput');
  expect(lines).toMatch(/at .*more-functions\.ts:\d+/);
});

it.each([
  ['bare', 'kaput and bare'],
  ['hostile', 'A thrown object that cannot be described.'],
])('what was thrown, when that is no error (%s)', async (name, message) => {
  expect(await linesOf(name)).toContain(message);
});

it.each(['bigint', 'circular', 'status'])(
  'of an answer that cannot be made (%s), which is a problem, too',
  async (name) => {
    expect(await linesOf(name)).toMatch(/"event":"request_failed","code":"internal_error".*"message":"\w+Error: /);
  },
);

it("no name or code that an error takes from its caller's identity", async () => {
  const token = app.mint();
  const { body: caller } = await app.get('/api/whoami', { accessToken: token });
  const lines = await linesOf('named', {}, token);
  expect(lines).toContain('"reason":"Error","message":"***: kaput"');
  for (const value of [caller.name, caller.phoneNumber]) expect(lines).not.toContain(value);
});

it("its message without the caller's token and identity, and without strings of the body that carry the token", async () => {
  const token = app.mint();
  const { body: caller } = await app.get('/api/whoami', { accessToken: token });
  const lines = await linesOf('talkative', { note: `keep ${token} to yourself`, item: 'Tea' }, token);
  expect(lines).toMatch(/kaput for .*Tea/);
  const { id, name, phoneNumber, pictureUrl, actionPackageId } = caller;
  const values = [id, name, encodeURIComponent(name), phoneNumber, pictureUrl, actionPackageId].filter(Boolean);
  const line = lines.split('\n').find((one) => one.includes('request_failed'));
  for (const value of [...values, token, 'to yourself']) expect(line).not.toContain(value);
});

it('no part of the token that a library quotes', async () => {
  const token = app.mint();
  const lines = await linesOf('parse', { text: token }, token);
  expect(lines).toContain('SyntaxError');
  for (let at = 0; at + 8 <= token.length; at += 1) expect(lines).not.toContain(token.slice(at, at + 8));
});
