/** The circuit breaker and Retry-After as callers meet them: one caller's trouble is never another's. */
import { rm } from 'node:fs/promises';
import { type Answer, type App, startApp, warm } from '../harness/app';
import { buildAppWith } from '../harness/build-app-with';
import { advance, movableClocks, stopClocks } from '../harness/movable-clocks';
import {
  createScriptedIdentity,
  newOpaqueToken,
  newToken,
  type ScriptedAnswer,
  type ScriptedIdentity,
} from '../harness/scripted-identity';

const SECOND_MS = 1_000;

let appDirectory: string;
let service: ScriptedIdentity;
let app: App;
beforeAll(async () => {
  appDirectory = await buildAppWith(movableClocks);
});
afterAll(() => rm(appDirectory, { recursive: true }));
beforeEach(async () => {
  service = await createScriptedIdentity();
  app = await warm(await startApp(service.settings, appDirectory));
  await stopClocks(app);
});
afterEach(() => app.close());

const whoami = (token = newToken()) => app.get('/api/whoami', { authorization: `Bearer ${token}` });
const many = (count: number, newOne = newToken) => Array.from({ length: count }, newOne);
const wait = (seconds: number) => advance(app, seconds * SECOND_MS);
const retryAfterOf = ({ headers }: Answer) => Number(headers.get('retry-after'));
const opened = () => app.lines.filter((line) => line.includes('"identity_circuit_opened"'));

async function ask(tokens: string[]): Promise<Answer[]> {
  return Promise.all(tokens.map((token) => whoami(token)));
}

async function statusesOf(tokens: string[]): Promise<number[]> {
  return (await ask(tokens)).map(({ status }) => status);
}

/** Answers so to these tokens, and `valid` to all others. */
function answerTo(tokens: readonly string[], answer: ScriptedAnswer): void {
  service.answer = (token) => (tokens.includes(token) ? answer : 'valid');
}

const failWith = (answer: ScriptedAnswer) => {
  service.answer = () => answer;
};

/** One after the other, so that each one's outcome is known before the next. */
async function openCircuit(): Promise<void> {
  failWith({ status: 500 });
  for (const token of many(5)) expect((await whoami(token)).status).toBe(503);
  expect(opened()).toHaveLength(1);
}

describe("one user's 429", () => {
  it('is for that user alone: 40 others are served, and the user is told what is left of their own hour', async () => {
    const throttled = newToken();
    answerTo([throttled], { status: 429, retryAfterSeconds: 3600 });
    for (let round = 0; round < 8; round += 1) {
      const answers = await ask(Array(6).fill(throttled));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
      expect(new Set(answers.map(retryAfterOf))).toEqual(new Set([3600 - 5 * round]));
      expect(await statusesOf(many(5))).toEqual(Array(5).fill(200));
      await wait(5);
    }
    const sendings = () => service.sent.filter((token) => token === throttled).length;
    expect(sendings()).toBe(1);
    await wait(3600 - 8 * 5 - 1);
    expect([retryAfterOf(await whoami(throttled)), sendings()]).toEqual([1, 1]);

    service.answer = () => 'valid';
    await wait(1);
    expect([(await whoami(throttled)).status, sendings()]).toEqual([200, 2]);
    expect(opened()).toEqual([]);
  });

  it('ends when another instance has validated the token: its row is read', async () => {
    const token = newToken();
    answerTo([token], { status: 429, retryAfterSeconds: 3600 });
    expect((await whoami(token)).status).toBe(503);
    service.answer = () => 'valid';
    const second = await warm(await app.startSecond());
    expect((await second.get('/api/whoami', { accessToken: token })).status).toBe(200);
    expect((await whoami(token)).body.validation.source).toBe('table');
    await second.close();
  });
});

it('serves all of 130 users while the service answers 500 to junk that it cannot parse', async () => {
  service.answer = (token) => (token.startsWith('opaque') ? { status: 500 } : 'valid');
  const statuses: number[] = [];
  for (let second = 0; second < 26; second += 1) {
    if (second % 5 === 0) await ask(many(6, newOpaqueToken));
    statuses.push(...(await statusesOf(many(5))));
    await wait(1);
  }
  expect(statuses).toEqual(Array(130).fill(200));
});

it("tells the circuit's own few seconds in an outage, whatever the service asked of one caller long before", async () => {
  const [first, ...others] = many(51);
  answerTo([first as string], { status: 503, retryAfterSeconds: 3600 });
  expect(retryAfterOf(await whoami(first))).toBe(3600);
  expect(await statusesOf(others)).toEqual(Array(50).fill(200));
  await wait(1);
  failWith('reset');
  const answers = [...(await ask(many(4))), await whoami(), await whoami()];
  expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(503));
  expect(answers.map(retryAfterOf)).toEqual(Array(6).fill(5));
});

describe('an outage', () => {
  it('opens the circuit with the fifth token that fails: no call until 5 s are over, then one probe', async () => {
    await openCircuit();
    const callsBefore = service.sent.length;
    expect(retryAfterOf(await whoami())).toBe(5);
    await wait(4);
    expect(retryAfterOf(await whoami())).toBe(1);
    expect(service.sent).toHaveLength(callsBefore);

    await wait(1);
    expect(await statusesOf(many(5))).toEqual(Array(5).fill(503));
    expect(service.sent).toHaveLength(callsBefore + 1);
  });

  it('is over with the first probe that succeeds', async () => {
    await openCircuit();
    service.answer = () => 'valid';
    expect((await whoami()).status).toBe(503);
    await wait(5);
    expect((await whoami()).status).toBe(200);
    expect(await statusesOf(many(20))).toEqual(Array(20).fill(200));
  });

  it('opens the circuit of a busy instance as soon as its last success is 1 s old', async () => {
    expect(await statusesOf(many(20))).toEqual(Array(20).fill(200));
    failWith({ status: 500 });
    await ask(many(10));
    await wait(0.9);
    await ask(many(10));
    expect(opened()).toEqual([]);
    await wait(0.1);
    await whoami();
    expect(opened()).toHaveLength(1);
  });

  it('seen by one token only opens the circuit for no one', async () => {
    const [bad, ...good] = many(6);
    answerTo([bad as string], 'reset');
    for (let n = 0; n < 8; n += 1) expect((await whoami(bad)).status).toBe(503);
    expect(await statusesOf(good)).toEqual(Array(5).fill(200));
    expect(opened()).toEqual([]);
  });

  it('of opaque tokens only leaves the others alone', async () => {
    service.answer = (token) => (token.startsWith('opaque') ? 'reset' : 'valid');
    await ask(many(6, newOpaqueToken));
    const callsBefore = service.sent.length;
    expect((await whoami(newOpaqueToken())).status).toBe(503);
    expect(service.sent).toHaveLength(callsBefore);
    expect(await statusesOf(many(5))).toEqual(Array(5).fill(200));
  });

  it('is not made longer by one token that fails the probe again and again', async () => {
    const bad = newToken();
    await openCircuit();
    answerTo([bad], { status: 500 });
    await wait(5);
    expect((await whoami(bad)).status).toBe(503);
    const callsBefore = service.sent.length;
    await wait(5);
    expect((await whoami(bad)).status).toBe(503);
    expect(service.sent).toHaveLength(callsBefore);
    expect((await whoami()).status).toBe(200);
    expect(await statusesOf(many(5))).toEqual(Array(5).fill(200));
  });

  it('ends for the tokens that failed, too, when no others come', async () => {
    const tokens = many(5);
    failWith('reset');
    for (const token of tokens) await whoami(token);
    await wait(5);
    for (const token of tokens) await whoami(token);
    service.answer = () => 'valid';
    for (let n = 0; n < 2; n += 1) {
      await wait(5);
      await ask(tokens);
    }
    expect(await statusesOf(tokens)).toEqual(Array(5).fill(200));
  });
});

it('stays closed when a burst of 6 forged tokens makes the service fail among good traffic', async () => {
  const forged = many(6);
  answerTo(forged, { status: 500 });
  for (let second = 0; second < 5; second += 1) {
    expect(await statusesOf(many(2))).toEqual([200, 200]);
    await wait(0.5);
    expect(await statusesOf(forged)).toEqual(Array(6).fill(503));
    await wait(0.4);
  }
  expect(await statusesOf(many(5))).toEqual(Array(5).fill(200));
  expect(opened()).toEqual([]);
});

describe('a service that throttles everyone', () => {
  it('is left alone for the smallest Retry-After that it asked for', async () => {
    let asked = 20;
    service.answer = () => {
      asked += 10;
      return { status: 429, retryAfterSeconds: asked };
    };
    for (const expected of [30, 40, 50, 60]) expect(retryAfterOf(await whoami())).toBe(expected);
    await whoami();
    const callsBefore = service.sent.length;
    expect(retryAfterOf(await whoami())).toBe(30);
    await wait(29);
    expect(retryAfterOf(await whoami())).toBe(1);
    expect(service.sent).toHaveLength(callsBefore);
    service.answer = () => 'valid';
    await wait(1);
    expect((await whoami()).status).toBe(200);
    expect(await statusesOf(many(5))).toEqual(Array(5).fill(200));
  });

  it('is left alone for a minute at most', async () => {
    failWith({ status: 429, retryAfterSeconds: 3600 });
    for (const token of many(5)) expect(retryAfterOf(await whoami(token))).toBe(3600);
    expect(retryAfterOf(await whoami())).toBe(60);
    service.answer = () => 'valid';
    await wait(60);
    expect((await whoami()).status).toBe(200);
  });

  it('is not seen in five 429 with a good answer among them', async () => {
    const throttled = many(8);
    answerTo(throttled, { status: 429, retryAfterSeconds: 3600 });
    for (const token of throttled) {
      expect((await whoami(token)).status).toBe(503);
      expect((await whoami()).status).toBe(200);
    }
    expect(opened()).toEqual([]);
  });
});
