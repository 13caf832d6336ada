/** The log lines: exactly which events with which fields, and the invocation that the host ties each to. */
import { rm } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { people } from '../../local/identity-service/people';
import { type App, startApp } from '../harness/app';
import { buildAppWith } from '../harness/build-app-with';
import { createGate } from '../harness/host-support';
import { createTcpSwitch } from '../harness/tcp-switch';
import { jwtWith } from '../harness/tokens';

/** Shows in each line which invocation it belongs to; a function that fails; one that sets the app's clock forward. */
const instruments = `
import { app } from '@azure/functions';
import { secured } from '../shared/services';
app.hook.log((entry) => {
  if (entry.invocationContext) entry.message = entry.invocationContext.invocationId + ' ' + entry.message;
});
app.http('broken', {
  authLevel: 'anonymous',
  handler: secured(({ principal }) => { throw new RangeError(JSON.stringify(principal)); }),
});
const realNow = Date.now;
let aheadMs = 0;
Date.now = () => realNow() + aheadMs;
app.hook.appTerminate(() => { Date.now = realNow; });
app.http('later', {
  route: 'later/{ms}',
  authLevel: 'anonymous',
  handler: ({ params }) => { aheadMs += Number(params.ms); return { status: 204 }; },
});`;

let appDirectory: string;
let app: App;
beforeAll(async () => {
  appDirectory = await buildAppWith(instruments);
});
afterAll(() => rm(appDirectory, { recursive: true }));
const opened: { close(): Promise<void> }[] = [];
beforeEach(async () => {
  app = await startApp({}, appDirectory);
});
afterEach(async () => {
  await app.close();
  for (const one of opened.splice(0)) await one.close();
});

/** Closed after the test, also after one that fails. */
function closing<T extends { close(): Promise<void> }>(one: T): T {
  opened.push(one);
  return one;
}

interface Line {
  readonly invocation: string | undefined;
  /** With `level` when the host shows one: above `info`. */
  readonly entry: { readonly event: string } & Readonly<Record<string, unknown>>;
}

/** What a full hour or a busy machine may add to any test: the timer's own run, a table that did not answer in 250 ms. */
const beside = /^(rows_purged|token_table_)/;

function linesOf(app: App): Line[] {
  return allLinesOf(app).filter(({ entry }) => !beside.test(entry.event));
}

function allLinesOf({ lines }: App): Line[] {
  return lines.flatMap((line) => {
    const [, level, invocation, json] = /^(?:(\w+): )?(?:([\da-f-]{36}) )?(\{"event":.*\})$/.exec(line) ?? [];
    return json === undefined ? [] : [{ invocation, entry: { ...(level && { level }), ...JSON.parse(json) } }];
  });
}

/** The invocations of one function, by when each began. */
function invocationsOf({ lines }: App, name: string): string[] {
  return lines.flatMap(
    (line) => new RegExp(`^Executing 'Functions\\.${name}' .*Id=([\\da-f-]+)`).exec(line)?.[1] ?? [],
  );
}

const entriesOf = (lines: Line[]) => lines.map(({ entry }) => entry);

/** What the app has logged since the last call of it, in order. */
const seen = new WeakMap<App, number>();
function news(of = app): Line['entry'][] {
  const entries = entriesOf(linesOf(of));
  const from = seen.get(of) ?? 0;
  seen.set(of, entries.length);
  return entries.slice(from);
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const whoami = (token = app.mint(), instance = app) => instance.get('/api/whoami', bearer(token));

const anyDuration = expect.any(Number);
const call = (outcome: string, reason?: string) => ({
  event: 'identity_call',
  outcome,
  reason,
  durationMs: anyDuration,
});
const validation = (fields: object, breaker = 'closed') => ({
  event: 'token_validation',
  ...fields,
  durationMs: anyDuration,
  breaker,
});
const valid = (source: string, card: string | null = app.card) => validation({ outcome: 'valid', source, card });
const rejected = (reason: string) => validation({ outcome: 'rejected', reason });
const unavailable = (reason: string, breaker = 'closed') => validation({ outcome: 'unavailable', reason }, breaker);
const failed = (status: number, code: string, reason?: string) => ({ event: 'request_failed', code, status, reason });
const unanswered = (reason: string) => ({ level: 'warning', ...failed(503, 'identity_unavailable', reason) });

describe('a valid token', () => {
  it('is one call and one validation at first; then memory, and on another instance the table, without a call', async () => {
    const token = app.mint();
    await whoami(token);
    expect(news()).toEqual([call('valid'), valid('identity-service')]);
    await whoami(token);
    expect(news()).toEqual([valid('memory')]);
    const second = await app.startSecond();
    await whoami(token, second);
    expect(news(second)).toEqual([valid('table')]);
    expect(news()).toEqual([]);
    await second.close();
  });

  it('of 50 concurrent requests is one call and 50 validations, each in its own invocation', async () => {
    const token = app.mint();
    await Promise.all([...Array(50)].map(() => whoami(token)));
    const lines = linesOf(app);
    expect(lines.filter(({ entry }) => entry.event === 'identity_call')).toHaveLength(1);
    const validations = lines.filter(({ entry }) => entry.event === 'token_validation');
    expect(validations).toHaveLength(50);
    expect(new Set(validations.map(({ invocation }) => invocation))).toEqual(new Set(invocationsOf(app, 'whoami')));
    expect(lines).toHaveLength(51);
  });

  it('of a card that is not listed: the card is in the line, so that an operator can list it', async () => {
    const card = `${app.card}-other`;
    await whoami(app.identity.mint({ card }));
    const refused = failed(403, 'insufficient_scope');
    expect(news()).toEqual([call('valid'), valid('identity-service', card), refused]);
  });
});

describe('a token that is refused', () => {
  it.each<[string, Record<string, string>, object]>([
    ['none', {}, failed(401, 'token_missing')],
    ['two', { ...bearer('a'), accessToken: 'a' }, failed(400, 'invalid_request')],
    ['malformed', bearer('tok$en'), failed(401, 'invalid_token', 'malformed')],
  ])('%s: no validation, the request only', async (_, headers, line) => {
    await app.get('/api/whoami', headers);
    expect(news()).toEqual([line]);
  });

  it('expired by its own account: no call', async () => {
    await whoami(jwtWith({ exp: 1_700_000_000 }));
    expect(news()).toEqual([rejected('expired'), failed(401, 'invalid_token', 'expired')]);
  });

  it('rejected by the identity service: a call at first, none for the repeat', async () => {
    const token = `${app.mint()}x`;
    const refusal = [rejected('rejected'), failed(401, 'invalid_token', 'rejected')];
    await whoami(token);
    expect(news()).toEqual([call('rejected'), ...refusal]);
    await whoami(token);
    expect(news()).toEqual(refusal);
  });
});

describe('an identity service in trouble', () => {
  it.each<[string, Parameters<App['identity']['fault']>[0], number]>([
    ['server_error', { kind: 'status', status: 500 }, 2],
    ['unreachable', { kind: 'reset' }, 2],
    ['throttled', { kind: 'status', status: 429 }, 1],
    ['unexpected_answer', { kind: 'status', status: 404 }, 1],
  ])('%s: a line for each attempt', async (reason, fault, attempts) => {
    app.identity.fault(fault);
    await whoami();
    const calls = Array(attempts).fill(call('unavailable', reason));
    expect(news()).toEqual([...calls, unavailable(reason), unanswered(reason)]);
  });

  it('timeout: tells how long it took, of each attempt and of all', async () => {
    const impatient = await startApp({ IDENTITY_TIMEOUT_MS: '100' }, appDirectory);
    impatient.identity.fault({ kind: 'hang' });
    await whoami(impatient.mint(), impatient);
    const lines = news(impatient);
    const timedOut = call('unavailable', 'timeout');
    expect(lines).toEqual([timedOut, timedOut, unavailable('timeout'), unanswered('timeout')]);
    const [first, second, all] = lines.map(({ durationMs }) => Number(durationMs));
    expect(Math.min(Number(first), Number(second))).toBeGreaterThan(0);
    expect(all).toBeGreaterThan(Number(first) + Number(second));
    await impatient.close();
  });

  it('opens the circuit after five failures, once; then there are no calls until it closes', async () => {
    const known = app.mint();
    await whoami(known);
    app.identity.fault({ kind: 'status', status: 500 });
    for (let request = 1; request <= 4; request += 1) await whoami();
    await whoami(known);
    const failure = call('unavailable', 'server_error');
    const givenUp = [failure, failure, unavailable('server_error'), unanswered('server_error')];
    const leftAlone = [unavailable('circuit_open', 'open'), unanswered('circuit_open')];
    const opened = { level: 'warning', event: 'identity_circuit_opened' };
    const fromMemory = (breaker: string) => ({ ...valid('memory'), breaker });
    expect(news().slice(2)).toEqual([
      ...givenUp,
      ...givenUp,
      failure,
      opened,
      ...leftAlone,
      ...leftAlone,
      fromMemory('open'),
    ]);

    await app.get('/api/later/5000');
    app.identity.fault({ kind: 'delay', delayMs: 500 });
    const callsSoFar = app.identity.calls;
    const probe = whoami();
    while (app.identity.calls === callsSoFar) await nextTurn();
    await whoami(known);
    await probe;
    expect(news()).toEqual([
      fromMemory('half-open'),
      call('valid'),
      { event: 'identity_circuit_closed' },
      valid('identity-service'),
    ]);
  });
});

describe('the invocation that a line belongs to', () => {
  it('of a shared flight: the call to the one that began it, a validation to each', async () => {
    const gate = closing(await createGate()); // answers with what no identity service says
    const gated = await startApp({ IDENTITY_BASE_URL: gate.url }, appDirectory);
    const token = gated.mint();
    const first = whoami(token, gated);
    await gate.arrived(1);
    const second = whoami(token, gated);
    while (invocationsOf(gated, 'whoami').length < 2) await nextTurn();
    await whoami(jwtWith({ exp: 1 }), gated); // when this one is answered, the second has joined
    gate.open();
    await Promise.all([first, second]);
    const [starter, joiner, expired] = invocationsOf(gated, 'whoami');
    const byInvocation = linesOf(gated).map(({ invocation, entry }) => [invocation, entry.event]);
    expect(byInvocation.filter(([, event]) => event === 'identity_call')).toEqual([[starter, 'identity_call']]);
    expect(byInvocation.filter(([, event]) => event === 'token_validation')).toEqual([
      [expired, 'token_validation'],
      [starter, 'token_validation'],
      [joiner, 'token_validation'],
    ]);
    await gated.close();
  });

  it('of a call that waited for its turn: the one that asked, not the one that made room', async () => {
    const gate = closing(await createGate());
    const settings = { IDENTITY_BASE_URL: gate.url, IDENTITY_TIMEOUT_MS: '2500' };
    const gated = await startApp(settings, appDirectory);
    const answers = [...Array(20)].map(() => whoami(gated.mint(), gated));
    await gate.arrived(16); // the cap on calls at a time
    await gated.get('/api/health'); // reads the table as well, so that the rest has done so by now
    gate.open();
    await Promise.all(answers);
    const lines = linesOf(gated);
    const eventsOf = (id: string) =>
      lines.filter(({ invocation }) => invocation === id).map(({ entry }) => entry.event);
    for (const id of invocationsOf(gated, 'whoami')) {
      expect(eventsOf(id)).toEqual(['identity_call', 'token_validation', 'request_failed']);
    }
    await gated.close();
  });

  it('is there for every line of a request, and of the timer', async () => {
    const known = app.mint();
    await whoami(known);
    await app.get('/api/broken', bearer(known));
    await app.get('/api/nothing-of-ours');
    await fetch(`${app.host.url}/admin/functions/purge`, { method: 'POST', body: '{"input":""}' });
    await app.close(); // ends what is in flight
    const [first, broken, timer] = ['whoami', 'broken', 'purge'].map((name) => invocationsOf(app, name)[0]);
    expect(linesOf(app)).toEqual([
      { invocation: first, entry: call('valid') },
      { invocation: first, entry: valid('identity-service') },
      { invocation: broken, entry: valid('memory') },
      {
        invocation: broken,
        entry: {
          level: 'error',
          ...failed(500, 'internal_error', 'RangeError'),
          stack: expect.arrayContaining([expect.stringMatching(/^ {4}at /)]),
        },
      },
    ]);
    const entry = { event: 'rows_purged', table: 'tokencache', deleted: expect.any(Number) };
    expect(allLinesOf(app)).toContainEqual({ invocation: timer, entry });
  });
});

it('tells once that the token table is out of reach, though it is back in between', async () => {
  const [, port] = /TableEndpoint=http:\/\/127\.0\.0\.1:(\d+)/.exec(app.settings['AzureWebJobsStorage'] ?? '') ?? [];
  const line = closing(await createTcpSwitch(Number(port)));
  const storage = app.settings['AzureWebJobsStorage']?.replace(`:${port}/`, `:${line.port}/`) ?? '';
  const cutOff = await startApp({ AzureWebJobsStorage: storage }, appDirectory);
  for (const way of ['cut', 'on', 'cut'] as const) {
    line.turn(way);
    await whoami(cutOff.mint(), cutOff);
  }
  const validated = [call('valid'), valid('identity-service', cutOff.card)];
  const entries = entriesOf(allLinesOf(cutOff)).filter(({ event }) => !event.endsWith('_purged'));
  expect(entries).toEqual([
    { level: 'warning', event: 'token_table_read_failed', reason: expect.any(String) },
    ...validated,
    ...validated,
    ...validated,
  ]);
  await cutOff.close();
});

it('no line holds a token, a name, a phone number or a picture, whatever is logged', async () => {
  const [token, unchecked, refused] = [app.mint(), app.mint(), `${app.mint()}x`];
  await whoami(token);
  await whoami(refused);
  await app.get('/api/broken', bearer(token));
  app.identity.fault({ kind: 'status', status: 500 });
  for (let request = 1; request <= 3; request += 1) await whoami(unchecked);
  expect(new Set(news().map(({ event }) => event))).toEqual(
    new Set(['identity_call', 'token_validation', 'request_failed', 'identity_circuit_opened']),
  );
  const written = app.lines.join('\n');
  const { id, name, phoneNumber, pictureUrl } = people['asha'] ?? {};
  const tokens = [token, unchecked, refused].flatMap((text) => text.split('.').slice(1));
  for (const canary of [...tokens, id, name, phoneNumber, pictureUrl]) {
    expect(canary).toBeTruthy();
    expect(written).not.toContain(canary);
  }
});
