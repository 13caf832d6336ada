/** The log lines: exactly which events with which fields, and the invocation that the host ties each to. */
import { rm } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createGate } from '../../local/functions-host/test/host-support';
import { people } from '../../local/identity-service/people';
import { type App, startApp, warm } from '../harness/app';
import { buildAppWith } from '../harness/build-app-with';
import { closeAtEnd } from '../harness/close-at-end';
import { advance, movableClocks } from '../harness/movable-clocks';
import { createTcpSwitch } from '../harness/tcp-switch';
import { jwtWith } from '../harness/tokens';

/** Shows in each line which invocation it belongs to; a function that fails. */
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
${movableClocks}`;

let appDirectory: string;
let app: App;
beforeAll(async () => {
  appDirectory = await buildAppWith(instruments);
});
afterAll(() => rm(appDirectory, { recursive: true }));
beforeEach(async () => {
  app = await warm(await startApp({}, appDirectory));
});
afterEach(() => app.close());

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
    const [, level, invocation, json] =
      /^(?:(\w+): )?(?:([\da-f-]{36}) )?(\{(?:"level":"\w+",)?"event":.*\})$/.exec(line) ?? [];
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
const hits = (count: number) => ({
  event: 'token_validations',
  source: 'memory',
  outcome: 'valid',
  count,
  sumMs: anyDuration,
  maxMs: anyDuration,
  buckets: expect.any(Array),
});
const rejected = (source: string, reason: string) => validation({ outcome: 'rejected', source, reason });
const unavailable = (reason: string, breaker = 'closed') =>
  validation({ outcome: 'unavailable', source: 'none', reason }, breaker);
const failed = (status: number, code: string, reason?: string) => ({ event: 'request_failed', code, status, reason });
const unanswered = (reason: string) => ({ level: 'warning', ...failed(503, 'identity_unavailable', reason) });

describe('a valid token', () => {
  it('is one call and one validation at first, then nothing, and on another instance one from the table', async () => {
    const token = app.mint();
    await whoami(token);
    expect(news()).toEqual([call('valid'), valid('identity-service')]);
    await whoami(token);
    expect(news()).toEqual([]);
    const second = await warm(await app.startSecond());
    await whoami(token, second);
    expect(news(second)).toEqual([valid('table')]);
    expect(news()).toEqual([]);
    await second.close();
  });

  it('of 50 concurrent requests is one call, and a validation for each that waited for it, in its own invocation', async () => {
    const token = app.mint();
    await Promise.all([...Array(50)].map(() => whoami(token)));
    const lines = linesOf(app);
    expect(lines.filter(({ entry }) => entry.event === 'identity_call')).toHaveLength(1);
    const validations = lines.filter(({ entry }) => entry.event === 'token_validation');
    const invocations = new Set(validations.map(({ invocation }) => invocation));
    expect(invocationsOf(app, 'whoami')).toEqual(expect.arrayContaining([...invocations]));
    expect(invocations.size).toBe(validations.length);
    await app.close();
    const hits = linesOf(app).flatMap(({ entry }) =>
      entry.event === 'token_validations' ? Number(entry['count']) : [],
    );
    expect([validations.length, ...hits].reduce((sum, count) => sum + count)).toBe(50);
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
    expect(news()).toEqual([rejected('token', 'expired'), failed(401, 'invalid_token', 'expired')]);
  });

  it('rejected by the identity service: a call at first, none for the repeat', async () => {
    const token = `${app.mint()}x`;
    const failure = failed(401, 'invalid_token', 'rejected');
    await whoami(token);
    expect(news()).toEqual([call('rejected'), rejected('identity-service', 'rejected'), failure]);
    await whoami(token);
    expect(news()).toEqual([rejected('memory', 'rejected'), failure]);
  });
});

describe('an identity service in trouble', () => {
  it.each<[string, Parameters<App['identity']['fault']>[0], number, string | undefined]>([
    ['server_error', { kind: 'status', status: 500 }, 2, undefined],
    ['unreachable', { kind: 'reset' }, 2, 'ECONNRESET'],
    ['throttled', { kind: 'status', status: 429 }, 1, undefined],
    ['unexpected_answer', { kind: 'status', status: 404 }, 1, undefined],
  ])('%s: a line for each attempt', async (reason, fault, attempts, errorCode) => {
    app.identity.fault(fault);
    await whoami();
    const calls = Array(attempts).fill({ ...call('unavailable', reason), errorCode });
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

  it('opens the circuit when five tokens have failed, once; then there are no calls until it closes', async () => {
    const known = app.mint();
    await whoami(known);
    await advance(app, 1_000);
    app.identity.fault({ kind: 'status', status: 500 });
    for (let request = 1; request <= 6; request += 1) await whoami();
    await whoami(known);
    const failure = call('unavailable', 'server_error');
    const givenUp = [failure, failure, unavailable('server_error'), unanswered('server_error')];
    const tokens = 'recognized';
    const opened = {
      level: 'warning',
      event: 'identity_circuit_opened',
      reason: 'failures',
      durationMs: 5_000,
      tokens,
    };
    const lines = news().slice(2);
    expect(lines.slice(0, 16)).toEqual([...givenUp, ...givenUp, ...givenUp, ...givenUp]);
    expect(lines.slice(16)).toEqual([
      failure,
      opened,
      unavailable('server_error', 'open'),
      unanswered('server_error'),
      unavailable('circuit_open', 'open'),
      unanswered('circuit_open'),
    ]);

    await advance(app, 5_000);
    app.identity.fault({ kind: 'status', status: 500 }, 1);
    await whoami(); // the probe fails: the circuit stays open
    expect(news()).toEqual([failure, unavailable('server_error', 'open'), unanswered('server_error')]);

    await advance(app, 5_000);
    await whoami();
    expect(news()).toEqual([call('valid'), { event: 'identity_circuit_closed', tokens }, valid('identity-service')]);
  });

  it('that throttles everyone opens the circuit for as long as it asks, a minute at most', async () => {
    app.identity.fault({ kind: 'status', status: 429, retryAfterSeconds: 90 });
    for (let request = 1; request <= 5; request += 1) await whoami();
    const opened = news().filter(({ event }) => event === 'identity_circuit_opened');
    expect(opened).toEqual([
      {
        level: 'warning',
        event: 'identity_circuit_opened',
        reason: 'throttled',
        durationMs: 60_000,
        tokens: 'recognized',
      },
    ]);
  });
});

describe('hits from memory', () => {
  it('are counted in one line a minute, in the first invocation after it', async () => {
    const token = app.mint();
    for (let request = 1; request <= 4; request += 1) await whoami(token);
    news();
    await advance(app, 60_000);
    await whoami(token);
    expect(news()).toEqual([hits(3)]);
    const { invocation, entry } = linesOf(app).at(-1) ?? {};
    expect(invocation).toBe(invocationsOf(app, 'whoami').at(-1));
    const buckets = entry?.['buckets'] as number[];
    expect(buckets).toHaveLength(5);
    expect(buckets.reduce((sum, count) => sum + count)).toBe(3);

    await advance(app, 60_000);
    await whoami(token);
    expect(news()).toEqual([hits(1)]);
  });

  it('of the last minute are counted at the end of the process', async () => {
    const token = app.mint();
    for (let request = 1; request <= 3; request += 1) await whoami(token);
    news();
    await app.close();
    // Outside an invocation, where the host guesses the level from the text, each line names its own.
    expect(news()).toEqual([{ level: 'info', ...hits(2) }]);
  });
});

describe('the invocation that a line belongs to', () => {
  it('of a shared lookup: the call to the one that began it, a validation to each', async () => {
    const gate = closeAtEnd(await createGate()); // answers with what no identity service says
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
    const gate = closeAtEnd(await createGate());
    const settings = { IDENTITY_BASE_URL: gate.url, IDENTITY_TIMEOUT_MS: '2500' };
    const gated = await startApp(settings, appDirectory);
    const answers = [...Array(20)].map(() => whoami(gated.mint(), gated));
    await gate.arrived(16); // the limit of concurrent calls
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
      {
        invocation: broken,
        entry: {
          level: 'error',
          ...failed(500, 'internal_error', 'RangeError'),
          message: expect.any(String),
          stack: expect.stringMatching(/^ {4}at /m),
        },
      },
      { invocation: undefined, entry: { level: 'info', ...hits(1) } },
    ]);
    const entry = { event: 'rows_purged', table: 'tokencache', deleted: expect.any(Number) };
    expect(allLinesOf(app)).toContainEqual({ invocation: timer, entry });
  });
});

it('tells once that the token table is out of reach, though it is back in between', async () => {
  const [, port] = /TableEndpoint=http:\/\/127\.0\.0\.1:(\d+)/.exec(app.settings['AzureWebJobsStorage'] ?? '') ?? [];
  const line = closeAtEnd(await createTcpSwitch(Number(port)));
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
  await advance(app, 1_000);
  app.identity.fault({ kind: 'status', status: 500 });
  for (let request = 1; request <= 4; request += 1) await whoami();
  await whoami(unchecked);
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
