import type { Verdict } from '../../shared/auth/provider';
import { createResilientProvider } from '../../shared/auth/resilient-provider';
import { deferred } from '../harness/deferred';

const identity = { id: 'u-1', name: 'Asha', phoneNumber: null, pictureUrl: null, actionPackageId: 'card-orders' };
const valid: Verdict = { kind: 'valid', identity };
const down: Verdict = { kind: 'unavailable', cause: 'server_error' };
const never = () => new AbortController().signal;

beforeEach(() => {
  jest.useFakeTimers();
  jest.advanceTimersByTime(10_000); // no moment of a test is the beginning of time
});
afterEach(() => jest.useRealTimers());

function setUpProvider() {
  const identify = jest.fn<Promise<Verdict>, [string, AbortSignal]>(async () => valid);
  const log = jest.fn();
  const provider = createResilientProvider(
    { name: 'test', endpoint: 'https://identity.example', identify },
    { attemptTimeoutMs: 1_200, clock: () => Date.now(), log },
  );
  const ask = async (token = 't', signal = never()) => {
    const verdict = provider.identify(token, signal);
    await jest.advanceTimersByTimeAsync(50); // the pause before a second attempt
    return verdict;
  };
  return { identify, log, provider, ask };
}

/** Opens the circuit: five failed attempts in a row. */
async function openCircuit({ identify, ask }: ReturnType<typeof setUpProvider>) {
  identify.mockResolvedValue(down);
  for (let request = 0; request < 3; request += 1) await ask();
  expect(identify).toHaveBeenCalledTimes(5);
}

describe('attempts', () => {
  it.each(['timeout', 'unreachable', 'server_error'] as const)('tries once more after %s', async (cause) => {
    const { identify, ask } = setUpProvider();
    identify.mockResolvedValueOnce({ kind: 'unavailable', cause });
    expect(await ask()).toEqual(valid);
    expect(identify).toHaveBeenCalledTimes(2);
  });

  it.each([
    { kind: 'unavailable', cause: 'throttled' },
    { kind: 'unavailable', cause: 'unexpected_answer' },
    { kind: 'rejected', definite: true },
    { kind: 'rejected', definite: false },
  ] as Verdict[])('asks once when the answer is $kind $cause', async (verdict) => {
    const { identify, ask } = setUpProvider();
    identify.mockResolvedValue(verdict);
    expect(await ask()).toMatchObject(verdict);
    expect(identify).toHaveBeenCalledTimes(1);
  });

  it('does not take a bug of the provider for an outage', async () => {
    const { identify, provider } = setUpProvider();
    const bug = new TypeError('bug');
    identify.mockRejectedValue(bug);
    await expect(provider.identify('t', never())).rejects.toBe(bug);
    expect(identify).toHaveBeenCalledTimes(1);
  });

  it('gives up after two', async () => {
    const { identify, ask } = setUpProvider();
    identify.mockResolvedValue(down);
    expect(await ask()).toMatchObject({ kind: 'unavailable', cause: 'server_error' });
    expect(identify).toHaveBeenCalledTimes(2);
  });

  it('ends an attempt at its deadline even if the provider does not listen', async () => {
    const { identify, provider } = setUpProvider();
    identify.mockReturnValue(new Promise(() => {}));
    const verdict = provider.identify('t', never());
    await jest.advanceTimersByTimeAsync(1_200 + 50 + 1_199);
    expect(identify.mock.calls.map(([, signal]) => signal.aborted)).toEqual([true, false]);
    await jest.advanceTimersByTimeAsync(1);
    expect(await verdict).toMatchObject({ kind: 'unavailable', cause: 'timeout' });
  });

  it('asks once when the service says when to come back', async () => {
    const { identify, ask } = setUpProvider();
    identify.mockResolvedValue({ ...down, retryAfterSeconds: 9 } as Verdict);
    expect(await ask()).toMatchObject({ retryAfterSeconds: 9 });
    expect(identify).toHaveBeenCalledTimes(1);
  });

  it('makes no second attempt for a caller whose budget has run out', async () => {
    const { identify, ask } = setUpProvider();
    const budget = new AbortController();
    identify.mockImplementation(async () => {
      budget.abort();
      return down;
    });
    expect(await ask('t', budget.signal)).toMatchObject({ kind: 'unavailable' });
    expect(identify).toHaveBeenCalledTimes(1);
  });
});

it('makes at most 16 calls at a time, and lets the rest wait for their turn', async () => {
  const { identify, provider } = setUpProvider();
  const answer = deferred<Verdict>();
  identify.mockReturnValue(answer.promise);
  const asked = [...Array(40).keys()].map((n) => provider.identify(`t${n}`, never()));
  await jest.advanceTimersByTimeAsync(0);
  expect(identify).toHaveBeenCalledTimes(16);
  answer.resolve(valid);
  expect((await Promise.all(asked)).every(({ kind }) => kind === 'valid')).toBe(true);
  expect(identify).toHaveBeenCalledTimes(40);
});

it('gives the turns of calls that were given up while they waited to who waits behind them', async () => {
  const { identify, provider } = setUpProvider();
  const answers = [...Array(16)].map(() => deferred<Verdict>());
  for (const { promise } of answers) identify.mockReturnValueOnce(promise);
  const asked = answers.map((_, n) => provider.identify(`t${n}`, never()));
  const budget = new AbortController();
  const givenUp = ['a', 'b', 'c'].map((token) => provider.identify(token, budget.signal));
  const last = provider.identify('last', never());
  budget.abort();
  answers[0]?.resolve(valid);
  expect(await last).toEqual(valid);
  expect(identify).toHaveBeenCalledTimes(17);
  expect((await Promise.all(givenUp)).map((verdict) => verdict.kind)).toEqual(Array(3).fill('unavailable'));
  for (const answer of answers) answer.resolve(valid);
  await Promise.all(asked);
});

it('gives tokens that the provider does not recognize at most 8 of the 16, and the others need not wait for them', async () => {
  const answers = new Map([...Array(64).keys()].map((n) => [`junk${n}`, deferred<Verdict>()]));
  const identify = jest.fn(async (token: string) => answers.get(token)?.promise ?? valid);
  const provider = createResilientProvider(
    { name: 'test', endpoint: 'https://identity.example', identify, recognizes: (token) => !token.startsWith('junk') },
    { attemptTimeoutMs: 1_200, clock: () => Date.now(), log: jest.fn() },
  );
  const junk = [...answers.keys()].map((token) => provider.identify(token, never()));
  await jest.advanceTimersByTimeAsync(0);
  expect(identify).toHaveBeenCalledTimes(8);
  expect(await provider.identify('good', never())).toEqual(valid);
  for (const answer of answers.values()) answer.resolve({ kind: 'rejected', definite: true });
  expect((await Promise.all(junk)).every(({ kind }) => kind === 'rejected')).toBe(true);
});

it('lets 1,000 calls wait, and answers busy to the oldest of more', async () => {
  const { identify, provider } = setUpProvider();
  const answer = deferred<Verdict>();
  identify.mockReturnValue(answer.promise);
  const asked = [...Array(16 + 1_000 + 1).keys()].map((n) => provider.identify(`t${n}`, never()));
  expect(await asked[16]).toMatchObject({ kind: 'unavailable', cause: 'busy' });
  answer.resolve(valid);
  const verdicts = await Promise.all(asked);
  expect(verdicts.filter(({ kind }) => kind === 'valid')).toHaveLength(16 + 1_000);
});

describe('when more wait than can be answered in their time', () => {
  const answering = (ms: number) => () => new Promise<Verdict>((resolve) => setTimeout(resolve, ms, valid));

  it('makes the calls that can finish, none of them in vain, and answers busy to the others', async () => {
    const { identify, provider, log } = setUpProvider();
    identify.mockImplementation(answering(1_000));
    const asked = [...Array(200).keys()].map((n) => provider.identify(`t${n}`, never()));
    await jest.advanceTimersByTimeAsync(2_000);
    const verdicts = await Promise.all(asked);
    expect(identify).toHaveBeenCalledTimes(32);
    expect(verdicts.filter(({ kind }) => kind === 'valid')).toHaveLength(32);
    const busy = { kind: 'unavailable', cause: 'busy', retryAfterSeconds: 5 };
    expect(verdicts.filter(({ kind }) => kind !== 'valid')).toEqual(Array(168).fill(busy));
    expect(log).not.toHaveBeenCalled();
  });

  it('serves who has just come before those who wait in vain', async () => {
    const { identify, provider } = setUpProvider();
    identify.mockImplementation(answering(1_000));
    const crowd = [...Array(200).keys()].map((n) => provider.identify(`t${n}`, never()));
    await jest.advanceTimersByTimeAsync(1_900);
    const late = provider.identify('late', never());
    await jest.advanceTimersByTimeAsync(1_100);
    expect(await late).toEqual(valid);
    await Promise.all(crowd);
  });

  /** Until what calls usually take is known. */
  async function askMany({ provider }: ReturnType<typeof setUpProvider>, ms: number) {
    const asked = [...Array(16).keys()].map((n) => provider.identify(`known${n}`, never()));
    await jest.advanceTimersByTimeAsync(ms);
    await Promise.all(asked);
  }

  it.each([
    [1_088, 32],
    [1_090, 16],
  ])(
    'with calls of %i ms it makes %i of 40: who waits must have a quarter more than that left of 2,450 ms',
    async (ms, made) => {
      const setup = setUpProvider();
      setup.identify.mockImplementation(answering(ms));
      for (let round = 0; round < 8; round += 1) await askMany(setup, ms);
      setup.identify.mockClear();
      const asked = [...Array(40).keys()].map((n) => setup.provider.identify(`t${n}`, never()));
      await jest.advanceTimersByTimeAsync(2 * ms);
      await Promise.all(asked);
      expect(setup.identify).toHaveBeenCalledTimes(made);
    },
  );

  it.each([3_600_000, -3_600_000])('is not misled by a clock that is set by %i ms', async (byMs) => {
    const setup = setUpProvider();
    setup.identify.mockImplementation(async () => {
      jest.setSystemTime(Date.now() + byMs);
      return valid;
    });
    await askMany(setup, 0);
    setup.identify.mockImplementation(answering(1_000));
    await askMany(setup, 1_000);
    setup.identify.mockClear();
    const asked = [...Array(200).keys()].map((n) => setup.provider.identify(`t${n}`, never()));
    await jest.advanceTimersByTimeAsync(2_700);
    await Promise.all(asked);
    expect(setup.identify).toHaveBeenCalledTimes(32);
  });
});

describe('the circuit', () => {
  const throttled: Verdict = { kind: 'unavailable', cause: 'throttled' }; // an outage that is not tried again

  it('is closed through four failures, open from the fifth on, and for the whole of 5 s', async () => {
    const { identify, provider } = setUpProvider();
    identify.mockResolvedValue(throttled);
    for (let n = 0; n < 10; n += 1) await provider.identify('t', never());
    expect(identify).toHaveBeenCalledTimes(5);
    await jest.advanceTimersByTimeAsync(4_999);
    expect(await provider.identify('t', never())).toMatchObject({ cause: 'circuit_open', retryAfterSeconds: 1 });
    expect(identify).toHaveBeenCalledTimes(5);
    await jest.advanceTimersByTimeAsync(1);
    await provider.identify('t', never());
    expect(identify).toHaveBeenCalledTimes(6);
  });

  it('answers what waits for its turn at once when it opens', async () => {
    const { identify, provider } = setUpProvider();
    identify.mockResolvedValue(throttled);
    const asked = [...Array(100).keys()].map((n) => provider.identify(`t${n}`, never()));
    expect((await Promise.all(asked)).at(-1)).toMatchObject({ cause: 'circuit_open' });
    expect(identify.mock.calls.length).toBeLessThan(16 + 5);
  });

  it('logs that it opens each time anew, and while it is closed says 5 s', async () => {
    const setup = setUpProvider();
    await openCircuit(setup);
    await jest.advanceTimersByTimeAsync(5_000);
    setup.identify.mockResolvedValue(valid);
    await setup.ask();
    setup.identify.mockResolvedValue(throttled);
    expect(await setup.ask()).toMatchObject({ retryAfterSeconds: 5 });
    for (let n = 0; n < 5; n += 1) await setup.ask();
    const events = setup.log.mock.calls.map(([, event]) => event);
    expect(events).toEqual(['identity_circuit_opened', 'identity_circuit_closed', 'identity_circuit_opened']);
  });

  it('never says to come back in less than a second', async () => {
    let ahead = 0;
    const identify = jest.fn<Promise<Verdict>, [string, AbortSignal]>(async () => throttled);
    const provider = createResilientProvider(
      { name: 'test', endpoint: 'https://identity.example', identify },
      { attemptTimeoutMs: 1_200, clock: () => Date.now() + ahead, log: jest.fn() },
    );
    for (let n = 0; n < 5; n += 1) await provider.identify('t', never());
    ahead = 5_000; // the wall clock reaches the end between the answer of the circuit and the look at it
    expect(await provider.identify('t', never())).toMatchObject({ cause: 'circuit_open', retryAfterSeconds: 1 });
  });

  it('opens after five failures in a row, then answers without a call, and says when to come back', async () => {
    const setup = setUpProvider();
    await openCircuit(setup);
    setup.identify.mockClear();
    expect(await setup.provider.identify('t', never())).toEqual({
      kind: 'unavailable',
      cause: 'circuit_open',
      retryAfterSeconds: 5,
    });
    await jest.advanceTimersByTimeAsync(3_000);
    expect(await setup.provider.identify('t', never())).toMatchObject({ retryAfterSeconds: 2 });
    expect(setup.identify).not.toHaveBeenCalled();
    expect(setup.log.mock.calls).toEqual([['warn', 'identity_circuit_opened']]);
  });

  it('lets one probe through after 5 s, closes when that succeeds, and tells its state all the while', async () => {
    const setup = setUpProvider();
    expect(setup.provider.breakerState()).toBe('closed');
    await openCircuit(setup);
    expect(setup.provider.breakerState()).toBe('open');
    setup.identify.mockClear();
    const probe = deferred<Verdict>();
    setup.identify.mockReturnValueOnce(probe.promise).mockResolvedValue(valid);
    await jest.advanceTimersByTimeAsync(5_000);
    const asked = ['a', 'b', 'c'].map((token) => setup.provider.identify(token, never()));
    await jest.advanceTimersByTimeAsync(0);
    expect(setup.identify).toHaveBeenCalledTimes(1);
    expect(setup.provider.breakerState()).toBe('half-open');
    probe.resolve(valid);
    expect((await Promise.all(asked)).map(({ kind }) => kind)).toEqual(['valid', 'valid', 'valid']);
    expect(setup.provider.breakerState()).toBe('closed');
    expect(setup.log.mock.calls.at(-1)).toEqual(['info', 'identity_circuit_closed']);
  });

  it('stays open when the probe fails, without another call and without another line in the log', async () => {
    const setup = setUpProvider();
    await openCircuit(setup);
    setup.identify.mockClear();
    await jest.advanceTimersByTimeAsync(5_000);
    const asked = ['a', 'b', 'c'].map((token) => setup.ask(token));
    expect((await Promise.all(asked)).map(({ kind }) => kind)).toEqual(Array(3).fill('unavailable'));
    expect(setup.identify).toHaveBeenCalledTimes(1);
    expect(setup.log).toHaveBeenCalledTimes(1);
  });

  it('stays closed when it is the budget of the callers that runs out, not the deadline of an attempt', async () => {
    const { identify, provider, log } = setUpProvider();
    identify.mockReturnValue(new Promise(() => {}));
    for (let n = 0; n < 10; n += 1) {
      const budget = new AbortController();
      const verdict = provider.identify('t', budget.signal);
      await jest.advanceTimersByTimeAsync(1_000);
      budget.abort();
      expect(await verdict).toMatchObject({ kind: 'unavailable', cause: 'busy' });
    }
    expect(identify).toHaveBeenCalledTimes(10);
    expect(log).not.toHaveBeenCalled();
  });

  it('stays open when the budget of the probe runs out', async () => {
    const setup = setUpProvider();
    await openCircuit(setup);
    await jest.advanceTimersByTimeAsync(5_000);
    setup.identify.mockReturnValueOnce(new Promise(() => {}));
    const budget = new AbortController();
    const probe = setup.provider.identify('t', budget.signal);
    await jest.advanceTimersByTimeAsync(100);
    budget.abort();
    await probe;
    expect(await setup.provider.identify('t', never())).toMatchObject({ cause: 'circuit_open' });
  });

  it('stays closed under answers that are not understood, which may be about the token', async () => {
    const { identify, ask, log } = setUpProvider();
    identify.mockResolvedValue({ kind: 'unavailable', cause: 'unexpected_answer' });
    for (let n = 0; n < 10; n += 1) await ask();
    expect(identify).toHaveBeenCalledTimes(10);
    expect(log).not.toHaveBeenCalled();
  });

  it.each([true, false])('stays closed under a flood of rejections (definite: %s)', async (definite) => {
    const { identify, ask, log } = setUpProvider();
    identify.mockResolvedValue({ kind: 'rejected', definite });
    for (let n = 0; n < 50; n += 1) await ask(`junk-${n}`);
    expect(identify).toHaveBeenCalledTimes(50);
    expect(log).not.toHaveBeenCalled();
  });
});

describe("the service's own Retry-After", () => {
  it.each([
    [30, 27],
    [3, 2],
  ])('%i s hold also while the circuit is open, if they are longer: after 3 s it says %i s', async (told, left) => {
    const { identify, provider } = setUpProvider();
    identify.mockResolvedValue({ kind: 'unavailable', cause: 'throttled', retryAfterSeconds: told });
    for (let n = 0; n < 5; n += 1) await provider.identify('t', never());
    await jest.advanceTimersByTimeAsync(3_000);
    const answer = { kind: 'unavailable', cause: 'circuit_open', retryAfterSeconds: left };
    expect(await provider.identify('t', never())).toEqual(answer);
    expect(identify).toHaveBeenCalledTimes(5);
  });

  it('goes before the circuit', async () => {
    const { identify, ask } = setUpProvider();
    identify.mockResolvedValue({ kind: 'unavailable', cause: 'throttled', retryAfterSeconds: 30 });
    expect(await ask()).toMatchObject({ retryAfterSeconds: 30 });
  });
});
