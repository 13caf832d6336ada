import { BUDGET } from '../../shared/auth/budget';
import { createIdentityGuard } from '../../shared/auth/identity-guard';
import type { IdentityProvider, UnavailableCause, Verdict } from '../../shared/auth/provider';
import { createClock } from '../../shared/clock';
import { deferred } from '../harness/deferred';

const identity = { id: 'u-1', name: 'Asha', phoneNumber: null, pictureUrl: null, actionPackageId: 'card-orders' };
const valid: Verdict = { kind: 'valid', identity };
const down: Verdict = { kind: 'unavailable', cause: 'server_error' };
const throttled: Verdict = { kind: 'unavailable', cause: 'throttled' };
/** A failure that is not tried again. */
const downForNow: Verdict = { ...down, retryAfterSeconds: 9 };
const resetOnReused: Verdict = { kind: 'unavailable', cause: 'unreachable', onReusedConnection: true };

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

type Identify = IdentityProvider['identify'];
type Setup = ReturnType<typeof setUp>;

function setUp({ attemptTimeoutMs = 1_200 } = {}) {
  const identify = jest.fn<ReturnType<Identify>, Parameters<Identify>>(async () => valid);
  const log = jest.fn();
  const clock = createClock(
    () => Date.now(),
    () => performance.now(),
  );
  const guard = createIdentityGuard(
    {
      name: 'test',
      endpoint: 'https://identity.example',
      identify,
      recognizes: (token) => !token.startsWith('opaque'),
    },
    { attemptTimeoutMs, clock, log },
  );
  const start = (token: string) => guard.identify(token, `key of ${token}`);
  const startMany = (count: number, prefix = 't') => [...Array(count).keys()].map((n) => start(`${prefix}${n}`));
  return {
    identify,
    log,
    guard,
    start,
    startMany,
    /** To the end, a second attempt included. */
    async ask(token = 't') {
      const verdict = start(token);
      await jest.advanceTimersByTimeAsync(50);
      return verdict;
    },
    events: () => log.mock.calls.map(([, event]) => event).filter((event) => event !== 'identity_call'),
  };
}

/** Opens the circuit, with one call for each of 5 tokens. */
async function openCircuit({ identify, startMany }: Setup, prefix = 'bad') {
  identify.mockResolvedValue(downForNow);
  await Promise.all(startMany(5, prefix));
  expect(identify).toHaveBeenCalledTimes(5);
  identify.mockClear().mockResolvedValue(valid);
}

const hang = () => new Promise<never>(() => {});
const answerAfter =
  (ms: number, verdict: Verdict = valid) =>
  () =>
    new Promise<Verdict>((resolve) => setTimeout(resolve, ms, verdict));
/** As a provider does: a verdict as soon as it is aborted, never a rejection. */
const hangUntilAborted =
  (verdict: Verdict): Identify =>
  (_, signal) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(verdict)));

describe('attempts', () => {
  it.each(['timeout', 'unreachable', 'server_error'] as const)('tries once more after %s', async (cause) => {
    const { identify, ask } = setUp();
    identify.mockResolvedValueOnce({ kind: 'unavailable', cause });
    expect(await ask()).toEqual(valid);
    expect(identify).toHaveBeenCalledTimes(2);
  });

  it('tries again after 50 ms, on a new connection', async () => {
    const { identify, start } = setUp();
    identify.mockResolvedValueOnce(down);
    const verdict = start('t');
    await jest.advanceTimersByTimeAsync(49);
    expect(identify).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(1);
    expect(await verdict).toEqual(valid);
    expect(identify.mock.calls.map(([token, , options]) => [token, options])).toEqual([
      ['t', { newConnection: false }],
      ['t', { newConnection: true }],
    ]);
  });

  it.each<[string, Verdict]>([
    ['throttled', throttled],
    ['unexpected_answer', { kind: 'unavailable', cause: 'unexpected_answer' }],
    ['rejected', { kind: 'rejected', cacheable: true }],
    ['rejected, not cacheable', { kind: 'rejected', cacheable: false }],
    ['a failure with a Retry-After', downForNow],
  ])('asks once when the answer is %s', async (_, verdict) => {
    const { identify, ask } = setUp();
    identify.mockResolvedValue(verdict);
    expect(await ask()).toMatchObject(verdict);
    expect(identify).toHaveBeenCalledTimes(1);
  });

  it('gives up after two', async () => {
    const { identify, ask } = setUp();
    identify.mockResolvedValue(down);
    expect(await ask()).toMatchObject(down);
    expect(identify).toHaveBeenCalledTimes(2);
  });

  it('does not take a bug of the provider for an outage', async () => {
    const { identify, start, guard } = setUp();
    const bug = new TypeError('bug');
    identify.mockRejectedValue(bug);
    for (let n = 0; n < 20; n += 1) await expect(start(`t${n}`)).rejects.toBe(bug);
    expect(identify).toHaveBeenCalledTimes(20); // more than there are slots, so each was given back
    expect(guard.breakerState('to-ken')).toBe('closed');
  });
});

describe('deadlines', () => {
  it('ends an attempt after the setting, and counts it as a failure', async () => {
    const { identify, start } = setUp();
    identify.mockImplementation(hangUntilAborted({ kind: 'unavailable', cause: 'timeout' }));
    const verdict = start('t');
    await jest.advanceTimersByTimeAsync(1_199);
    expect(identify.mock.calls[0]?.[1].aborted).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(identify.mock.calls[0]?.[1].aborted).toBe(true);
    identify.mockResolvedValue(valid);
    await jest.advanceTimersByTimeAsync(50);
    expect(await verdict).toEqual(valid);
  });

  it.each<[string, Identify]>([
    ['hangs on', hang],
    ['rejects', (_, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(1)))],
  ])('ends an attempt also when the aborted provider %s, and gives its slot to another', async (_, identifyBadly) => {
    const { identify, start, startMany } = setUp();
    identify.mockImplementation(identifyBadly);
    const asked = startMany(16);
    await jest.advanceTimersByTimeAsync(0);
    identify.mockImplementation(async () => valid);
    const waiting = start('waiting');
    await jest.advanceTimersByTimeAsync(1_200 + 20);
    expect(await waiting).toEqual(valid);
    await jest.advanceTimersByTimeAsync(50);
    expect((await Promise.all(asked)).map(({ kind }) => kind)).toEqual(Array(16).fill('valid'));
  });

  it('answers timeout at the end of the budget, aborts the call, and believes nothing that comes later', async () => {
    const { identify, start } = setUp();
    const late = deferred<Verdict>();
    identify.mockReturnValue(late.promise);
    const settled = jest.fn();
    const verdict = start('t').finally(settled);
    await jest.advanceTimersByTimeAsync(BUDGET.identityMs - 1);
    expect([settled.mock.calls.length, identify.mock.calls.at(-1)?.[1].aborted]).toEqual([0, false]);
    await jest.advanceTimersByTimeAsync(1);
    late.resolve(valid);
    expect(await verdict).toEqual({ kind: 'unavailable', cause: 'timeout', retryAfterSeconds: 5 });
    expect(identify.mock.calls.at(-1)?.[1].aborted).toBe(true);
  });

  it('answers busy at the end of the budget when no call was made, and timeout when one was', async () => {
    const { identify, start, startMany } = setUp({ attemptTimeoutMs: 2_500 });
    identify.mockImplementation(answerAfter(100));
    const first = startMany(16, 'first');
    const hung = startMany(16, 'hung');
    const waiting = start('waiting');
    await jest.advanceTimersByTimeAsync(0);
    identify.mockImplementation(hang);
    await jest.advanceTimersByTimeAsync(BUDGET.identityMs);
    expect((await Promise.all(first)).map(({ kind }) => kind)).toEqual(Array(16).fill('valid'));
    const outage = { kind: 'unavailable', retryAfterSeconds: 5 };
    expect(await Promise.all(hung)).toEqual(Array(16).fill({ ...outage, cause: 'timeout' }));
    expect(await waiting).toEqual({ ...outage, cause: 'busy' });
    expect(identify).toHaveBeenCalledTimes(32);
  });

  it.each([100, 1_200, 2_500])('with %i ms for an attempt, a service that hangs opens the circuit', async (ms) => {
    const { identify, startMany, guard } = setUp({ attemptTimeoutMs: ms });
    identify.mockImplementation(hangUntilAborted({ kind: 'unavailable', cause: 'timeout' }));
    const asked = startMany(5);
    await jest.advanceTimersByTimeAsync(BUDGET.identityMs);
    await Promise.all(asked);
    expect(guard.breakerState('to-ken')).toBe('open');
  });

  it('a call that the end of the budget cuts short does not count as a failure, nor is it repeated', async () => {
    const { identify, startMany, guard } = setUp({ attemptTimeoutMs: 2_000 });
    identify.mockImplementation(answerAfter(1_000));
    const first = startMany(16, 'first');
    await jest.advanceTimersByTimeAsync(0);
    identify.mockClear().mockImplementation(hangUntilAborted({ ...resetOnReused, cause: 'timeout' }));
    const cutShort = startMany(16, 'late'); // start after 1,000 ms, and have 1,450 ms left of 2,000
    await jest.advanceTimersByTimeAsync(BUDGET.identityMs);
    await Promise.all([...first, ...cutShort]);
    expect(identify).toHaveBeenCalledTimes(16);
    expect(guard.breakerState('to-ken')).toBe('closed');
  });
});

describe('a failure on a connection from the pool', () => {
  it('is repeated at once on a new connection', async () => {
    const { identify, start } = setUp();
    identify.mockResolvedValueOnce(resetOnReused);
    expect(await start('t')).toEqual(valid); // no timer was advanced
    expect(identify.mock.calls.map(([, , options]) => options)).toEqual([
      { newConnection: false },
      { newConnection: true },
    ]);
  });

  it('is repeated also when the connection went silent, once the attempt has timed out', async () => {
    const { identify, start } = setUp();
    identify.mockImplementationOnce(hangUntilAborted({ ...resetOnReused, cause: 'timeout' }));
    const verdict = start('t');
    await jest.advanceTimersByTimeAsync(1_200);
    expect(await verdict).toEqual(valid);
  });

  it('is not an attempt: another follows when the repeat fails', async () => {
    const { identify, ask } = setUp();
    identify.mockResolvedValueOnce(resetOnReused).mockResolvedValueOnce(down).mockResolvedValueOnce(valid);
    expect(await ask()).toEqual(valid);
    expect(identify).toHaveBeenCalledTimes(3);
  });

  it('does not count for the circuit, whatever the repeat answers', async () => {
    const { identify, startMany, guard } = setUp();
    for (let n = 0; n < 20; n += 1) {
      identify.mockResolvedValueOnce(resetOnReused).mockResolvedValueOnce({
        kind: 'unavailable',
        cause: 'unexpected_answer',
      });
      await Promise.all(startMany(1, `token-${n}-`));
    }
    expect(identify).toHaveBeenCalledTimes(40);
    expect(guard.breakerState('to-ken')).toBe('closed');
  });

  it('is repeated once for a validation, and counts from then on', async () => {
    const { identify, ask, guard } = setUp();
    identify.mockResolvedValue(resetOnReused);
    for (const token of ['a', 'b', 'c', 'd']) await ask(token);
    expect(identify).toHaveBeenCalledTimes(4 * 3); // two attempts and a repeat
    expect(guard.breakerState('to-ken')).toBe('closed');
    await ask('e');
    expect(guard.breakerState('to-ken')).toBe('open');
  });
});

describe('concurrent calls', () => {
  it('are at most 16, and the rest wait', async () => {
    const { identify, startMany } = setUp();
    const answer = deferred<Verdict>();
    identify.mockReturnValue(answer.promise);
    const asked = startMany(40);
    await jest.advanceTimersByTimeAsync(0);
    expect(identify).toHaveBeenCalledTimes(16);
    answer.resolve(valid);
    expect((await Promise.all(asked)).every(({ kind }) => kind === 'valid')).toBe(true);
    expect(identify).toHaveBeenCalledTimes(40);
  });

  it('are made for those that can finish in time, not for those that came first', async () => {
    const { identify, start, startMany } = setUp({ attemptTimeoutMs: 2_500 });
    identify.mockImplementation(answerAfter(2_300));
    const inTime = startMany(16);
    const tooLate = startMany(3, 'late');
    await jest.advanceTimersByTimeAsync(2_000);
    identify.mockImplementation(async () => valid);
    const last = start('last');
    await jest.advanceTimersByTimeAsync(300);
    expect(await last).toEqual(valid);
    expect((await Promise.all(inTime)).map(({ kind }) => kind)).toEqual(Array(16).fill('valid'));
    expect(await Promise.all(tooLate)).toEqual(
      Array(3).fill({ kind: 'unavailable', cause: 'busy', retryAfterSeconds: 5 }),
    );
  });

  it('are at most 8 for tokens that the provider does not recognize, so that the others need not wait', async () => {
    const { identify, start, startMany } = setUp();
    const answer = deferred<Verdict>();
    identify.mockImplementation(async (token) => (token.startsWith('opaque') ? answer.promise : valid));
    const opaque = startMany(64, 'opaque');
    await jest.advanceTimersByTimeAsync(0);
    expect(identify).toHaveBeenCalledTimes(8);
    expect(await start('good')).toEqual(valid);
    answer.resolve({ kind: 'rejected', cacheable: true });
    expect((await Promise.all(opaque)).every(({ kind }) => kind === 'rejected')).toBe(true);
    expect(identify).toHaveBeenCalledTimes(65);
  });

  it('may be 16 for any token when the provider does not tell', async () => {
    const identify = jest.fn(hang);
    const clock = createClock(Date.now, () => performance.now());
    const guard = createIdentityGuard(
      { name: 'test', endpoint: '', identify },
      { attemptTimeoutMs: 100, clock, log() {} },
    );
    for (let n = 0; n < 20; n += 1) void guard.identify(`opaque${n}`, `${n}`);
    await jest.advanceTimersByTimeAsync(0);
    expect(identify).toHaveBeenCalledTimes(16);
  });

  it('leave 1,000 waiting, and the oldest of more gets busy', async () => {
    const { identify, startMany } = setUp();
    const answer = deferred<Verdict>();
    identify.mockReturnValue(answer.promise);
    const asked = startMany(16 + 1_000 + 1);
    expect(await asked[16]).toMatchObject({ kind: 'unavailable', cause: 'busy', retryAfterSeconds: 5 });
    answer.resolve(valid);
    const verdicts = await Promise.all(asked);
    expect(verdicts.filter(({ kind }) => kind === 'valid')).toHaveLength(16 + 1_000);
  });
});

describe('when more wait than can be answered in time', () => {
  it('makes the calls that can finish, and answers busy to the others', async () => {
    const { identify, startMany, events } = setUp();
    identify.mockImplementation(answerAfter(1_000));
    const asked = startMany(200);
    await jest.advanceTimersByTimeAsync(2_000);
    const verdicts = await Promise.all(asked);
    expect(identify).toHaveBeenCalledTimes(32);
    expect(verdicts.filter(({ kind }) => kind === 'valid')).toHaveLength(32);
    const busy = { kind: 'unavailable', cause: 'busy', retryAfterSeconds: 5 };
    expect(verdicts.filter(({ kind }) => kind !== 'valid')).toEqual(Array(168).fill(busy));
    expect(events()).toEqual([]);
  });

  it('serves the newest before those that wait in vain', async () => {
    const { identify, start, startMany } = setUp();
    identify.mockImplementation(answerAfter(1_000));
    const crowd = startMany(200);
    await jest.advanceTimersByTimeAsync(1_900);
    const late = start('late');
    await jest.advanceTimersByTimeAsync(1_100);
    expect(await late).toEqual(valid);
    await Promise.all(crowd);
  });

  /** Makes 16 calls, from which the guard learns the usual duration. */
  async function askMany({ startMany }: Setup, ms: number) {
    const asked = startMany(16, 'known');
    await jest.advanceTimersByTimeAsync(ms);
    await Promise.all(asked);
  }

  it.each([
    [1_088, 32],
    [1_090, 16],
  ])('with calls of %i ms makes %i of 40: a call that waits needs a quarter more than that', async (ms, made) => {
    const setup = setUp();
    setup.identify.mockImplementation(answerAfter(ms));
    for (let round = 0; round < 8; round += 1) await askMany(setup, ms);
    setup.identify.mockClear();
    const asked = setup.startMany(40);
    await jest.advanceTimersByTimeAsync(2 * ms);
    await Promise.all(asked);
    expect(setup.identify).toHaveBeenCalledTimes(made);
  });

  it.each([3_600_000, -3_600_000])('is not misled by a wall clock that is set by %i ms', async (byMs) => {
    const setup = setUp();
    setup.identify.mockImplementation(async () => {
      jest.setSystemTime(Date.now() + byMs);
      return valid;
    });
    await askMany(setup, 0);
    setup.identify.mockImplementation(answerAfter(1_000));
    await askMany(setup, 1_000);
    setup.identify.mockClear();
    const asked = setup.startMany(200);
    await jest.advanceTimersByTimeAsync(2_700);
    await Promise.all(asked);
    expect(setup.identify).toHaveBeenCalledTimes(32);
  });
});

describe('the circuit', () => {
  it('answers without a call while it is open, and says when to try again', async () => {
    const setup = setUp();
    expect(setup.guard.breakerState('to-ken')).toBe('closed');
    await openCircuit(setup);
    expect(setup.guard.breakerState('to-ken')).toBe('open');
    const answer = { kind: 'unavailable', cause: 'circuit_open', retryAfterSeconds: 5 };
    expect(await setup.start('t')).toEqual(answer);
    await jest.advanceTimersByTimeAsync(3_000);
    expect(await setup.start('t')).toEqual({ ...answer, retryAfterSeconds: 2 });
    expect(setup.identify).not.toHaveBeenCalled();
    expect(setup.events()).toEqual(['identity_circuit_opened']);
  });

  it('answers all that wait in the queue as soon as it opens', async () => {
    const { identify, startMany } = setUp();
    identify.mockImplementation(answerAfter(100, downForNow));
    const asked = startMany(100);
    await jest.advanceTimersByTimeAsync(200);
    expect((await Promise.all(asked)).at(-1)).toEqual({
      kind: 'unavailable',
      cause: 'circuit_open',
      retryAfterSeconds: 5,
    });
    expect(identify.mock.calls.length).toBeLessThan(16 + 5);
  });

  it('makes no second attempt once it is open', async () => {
    const { identify, startMany } = setUp();
    identify.mockResolvedValue(down);
    const asked = startMany(5);
    await jest.advanceTimersByTimeAsync(50);
    expect((await Promise.all(asked)).map((verdict) => verdict)).toEqual(
      Array(5).fill({ ...down, retryAfterSeconds: 5 }),
    );
    expect(identify).toHaveBeenCalledTimes(5);
  });

  it('lets one probe through after 5 s while others are told 1 s, and closes when it succeeds', async () => {
    const setup = setUp();
    await openCircuit(setup);
    await jest.advanceTimersByTimeAsync(5_000);
    const answer = deferred<Verdict>();
    setup.identify.mockReturnValueOnce(answer.promise);
    const probe = setup.start('probe');
    expect(setup.guard.breakerState('to-ken')).toBe('half-open');
    const refusal = { kind: 'unavailable', cause: 'circuit_open', retryAfterSeconds: 1 };
    expect(await Promise.all(setup.startMany(3))).toEqual(Array(3).fill(refusal));
    expect(setup.identify).toHaveBeenCalledTimes(1);
    answer.resolve(valid);
    expect(await probe).toEqual(valid);
    expect(setup.guard.breakerState('to-ken')).toBe('closed');
    expect(await setup.start('t')).toEqual(valid);
  });

  it('stays open when the probe fails, without another call', async () => {
    const setup = setUp();
    await openCircuit(setup);
    await jest.advanceTimersByTimeAsync(5_000);
    setup.identify.mockResolvedValue(down);
    const asked = setup.startMany(3);
    await jest.advanceTimersByTimeAsync(50);
    expect((await Promise.all(asked)).map(({ kind }) => kind)).toEqual(Array(3).fill('unavailable'));
    expect(setup.identify).toHaveBeenCalledTimes(1);
    expect(setup.guard.breakerState('to-ken')).toBe('open');
  });

  it.each<[string, Identify]>([
    ['meets a bug of the provider', () => Promise.reject(new TypeError('bug'))],
    [
      'meets a bug of the provider that throws',
      () => {
        throw new TypeError('bug');
      },
    ],
  ])('lets another probe through when the first %s', async (_, identifyBadly) => {
    const setup = setUp();
    await openCircuit(setup);
    await jest.advanceTimersByTimeAsync(5_000);
    setup.identify.mockImplementationOnce(identifyBadly);
    await expect(setup.start('probe')).rejects.toThrow('bug');
    expect(setup.guard.breakerState('to-ken')).toBe('half-open');
    expect(await setup.start('other')).toEqual(valid);
  });

  it('lets another probe through when the first one hangs, whatever the setting', async () => {
    const setup = setUp({ attemptTimeoutMs: 2_500 });
    await openCircuit(setup);
    await jest.advanceTimersByTimeAsync(5_000);
    setup.identify.mockImplementationOnce(hang);
    const probe = setup.start('probe');
    await jest.advanceTimersByTimeAsync(BUDGET.identityMs);
    expect(await probe).toMatchObject({ cause: 'timeout' });
    await jest.advanceTimersByTimeAsync(5_000);
    expect(await setup.start('other')).toEqual(valid);
  });

  it('opens for tokens that the provider does not recognize alone, when only those fail, and the other way round', async () => {
    const setup = setUp();
    await openCircuit(setup, 'opaque');
    expect(await setup.start('opaque')).toMatchObject({ cause: 'circuit_open' });
    expect(await setup.start('t')).toEqual(valid);
    expect(setup.guard.breakerState('to-ken')).toBe('closed');
    await jest.advanceTimersByTimeAsync(5_000);
    expect(await setup.start('opaque')).toEqual(valid);
    setup.identify.mockClear();
    await openCircuit(setup);
    expect(await setup.start('t')).toMatchObject({ cause: 'circuit_open' });
    expect(await setup.start('opaque')).toEqual(valid);
  });

  it.each<[string, Verdict]>([
    ['answers that are not understood', { kind: 'unavailable', cause: 'unexpected_answer' }],
    ['rejections', { kind: 'rejected', cacheable: true }],
  ])('stays closed under a flood of %s', async (_, verdict) => {
    const { identify, start, events } = setUp();
    identify.mockResolvedValue(verdict);
    for (let n = 0; n < 50; n += 1) await start(`junk-${n}`);
    expect(identify).toHaveBeenCalledTimes(50);
    expect(events()).toEqual([]);
  });
});

describe('Retry-After', () => {
  it.each<UnavailableCause>(['throttled', 'server_error'])(
    'of the service is told to its caller alone: %s',
    async (cause) => {
      const { identify, start } = setUp();
      identify.mockResolvedValueOnce({ kind: 'unavailable', cause, retryAfterSeconds: 3_600 });
      expect(await start('t')).toMatchObject({ cause, retryAfterSeconds: 3_600 });
      identify.mockResolvedValueOnce({ kind: 'unavailable', cause: 'unexpected_answer' });
      expect(await start('other')).toMatchObject({ retryAfterSeconds: 5 });
    },
  );

  it('of the service goes before that of the circuit, which the others are told', async () => {
    const setup = setUp();
    setup.identify.mockResolvedValue({ kind: 'unavailable', cause: 'server_error', retryAfterSeconds: 3_600 });
    const told = (await Promise.all(setup.startMany(6))).map(
      (verdict) => 'cause' in verdict && verdict.retryAfterSeconds,
    );
    expect(told).toEqual([3_600, 3_600, 3_600, 3_600, 3_600, 3_600]);
    expect(await setup.start('other')).toMatchObject({ cause: 'circuit_open', retryAfterSeconds: 5 });
  });

  it('of a service that throttles everyone is told to everyone', async () => {
    const { identify, start, startMany } = setUp();
    identify.mockResolvedValue({ ...throttled, retryAfterSeconds: 30 } as Verdict);
    await Promise.all(startMany(5));
    await jest.advanceTimersByTimeAsync(3_000);
    expect(await start('other')).toEqual({ kind: 'unavailable', cause: 'circuit_open', retryAfterSeconds: 27 });
    expect(identify).toHaveBeenCalledTimes(5);
  });
});

describe('the log line of each call', () => {
  it.each<[string, Verdict, string]>([
    ['valid', valid, '"outcome":"valid"'],
    ['rejected', { kind: 'rejected', cacheable: true }, '"outcome":"rejected"'],
    ['throttled', { ...throttled, retryAfterSeconds: 42 } as Verdict, '"outcome":"unavailable","reason":"throttled"'],
    [
      'a failure with its code',
      { ...downForNow, cause: 'unreachable', errorCode: 'ECONNREFUSED' } as Verdict,
      '"outcome":"unavailable","reason":"unreachable","errorCode":"ECONNREFUSED"',
    ],
  ])('%s', async (_, verdict, result) => {
    const { identify, start, log } = setUp();
    identify.mockImplementation(answerAfter(7, verdict));
    const answer = start('SENTINEL');
    await jest.advanceTimersByTimeAsync(7);
    await answer;
    const lines = log.mock.calls.map(([level, event, fields]) => [level, JSON.stringify({ event, ...fields })]);
    expect(lines).toEqual([['info', `{"event":"identity_call",${result},"durationMs":7}`]]);
  });

  it('tells which one failed on a connection from the pool', async () => {
    const { identify, start, log } = setUp();
    identify.mockResolvedValueOnce(resetOnReused);
    await start('t');
    expect(log.mock.calls.map(([, , { outcome, connection }]) => [outcome, connection])).toEqual([
      ['unavailable', 'reused'],
      ['valid', undefined],
    ]);
  });
});
