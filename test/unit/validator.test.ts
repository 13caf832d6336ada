import type { GuardedVerdict, IdentityGuard } from '../../shared/auth/identity-guard';
import type { Identity } from '../../shared/auth/provider';
import { createDeriveTokenKey } from '../../shared/auth/token-key';
import { createValidator, type StoredIdentity, type TokenStore } from '../../shared/auth/validator';
import { deferred } from '../harness/deferred';
import { createFakeClock } from '../harness/fake-clock';
import { jwtWith } from '../harness/tokens';

const TTL_MS = 1_800_000;
const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 0, 1);
const asha: Identity = { id: 'u-1', name: 'Asha', phoneNumber: null, pictureUrl: null, actionPackageId: 'card-orders' };
const valid: GuardedVerdict = { kind: 'valid', identity: asha };
const rejected: GuardedVerdict = { kind: 'rejected', cacheable: true };
const throttledFor = (retryAfterSeconds: number): GuardedVerdict => ({
  kind: 'unavailable',
  cause: 'throttled',
  retryAfterSeconds,
});

/** Keeps rows as the table does: as text. */
class MapStore implements TokenStore {
  readonly rows = new Map<string, string>();
  reads = 0;
  writes = 0;
  async read({ id }: { id: string }): Promise<StoredIdentity | 'miss' | 'unavailable'> {
    this.reads += 1;
    const row = this.rows.get(id);
    return row === undefined ? 'miss' : JSON.parse(row);
  }
  async write({ id }: { id: string }, stored: StoredIdentity) {
    this.writes += 1;
    this.rows.set(id, JSON.stringify(stored));
  }
}

interface Options {
  ttlMs?: number;
  maxEntries?: number;
  store?: MapStore;
}

function setUp(options: Options = {}) {
  const clock = createFakeClock(START_MS);
  const log = jest.fn();
  const identify = jest.fn<Promise<GuardedVerdict>, [token: string, key: string]>(async () => valid);
  const breakerState = jest.fn<ReturnType<IdentityGuard['breakerState']>, []>(() => 'closed');
  const store = options.store ?? new MapStore();
  const deriveKey = createDeriveTokenKey('s'.repeat(32), { name: 'test', endpoint: 'https://identity.example' });
  const restart = () =>
    createValidator({ ttlMs: TTL_MS, ...options, clock, log, deriveKey, store, guard: { identify, breakerState } });
  const { validate, logHits } = restart();
  return {
    clock,
    identify,
    breakerState,
    store,
    validate,
    logHits,
    /** Another instance, with an empty memory. */
    restart,
    sourceOf: async (token: string) => (await validate(token)).source,
    put: (token: string, row: StoredIdentity) => store.rows.set(deriveKey(token).id, JSON.stringify(row)),
    /** As they would be written. */
    lines: (event = 'token_validation') =>
      log.mock.calls.filter(([, name]) => name === event).map(([, , fields]) => JSON.parse(JSON.stringify(fields))),
  };
}

afterEach(() => jest.useRealTimers());

describe('the tiers', () => {
  it('asks the identity service once, then answers from memory', async () => {
    const { validate, identify, clock } = setUp();
    const life = { validatedAtMs: START_MS, expiresAtMs: START_MS + TTL_MS };
    expect(await validate('t')).toMatchObject({ kind: 'valid', source: 'identity-service', identity: asha, ...life });
    clock.advance(60_000);
    expect(await validate('t')).toEqual({ kind: 'valid', source: 'memory', identity: asha, ...life });
    expect(identify).toHaveBeenCalledTimes(1);
  });

  it('asks the identity service under the whole key, not the token', async () => {
    const { validate, identify } = setUp();
    await validate('t');
    expect(identify.mock.calls).toEqual([['t', expect.stringMatching(/^[0-9a-f]{64}$/)]]);
  });

  it('answers a new instance from the table, with the remaining life only, and writes nothing', async () => {
    const { validate, restart, identify, store, clock } = setUp();
    await validate('t');
    clock.advance(TTL_MS - 1);
    const other = restart();
    const expiresAtMs = START_MS + TTL_MS;
    expect(await other.validate('t')).toMatchObject({ source: 'table', expiresAtMs });
    expect(await other.validate('t')).toMatchObject({ source: 'memory', expiresAtMs });
    clock.advance(1);
    expect(await other.validate('t')).toMatchObject({ source: 'identity-service' });
    expect(identify).toHaveBeenCalledTimes(2);
    expect(store.writes).toBe(2);
  });

  it('applies a shorter setting to rows that were written under a longer one', async () => {
    const { validate, store } = setUp();
    await validate('t');
    const shorter = setUp({ ttlMs: 1_000, store });
    shorter.clock.advance(999);
    expect(await shorter.sourceOf('t')).toBe('table');
    shorter.clock.advance(1);
    expect(await shorter.sourceOf('t')).toBe('identity-service');
  });

  it('does not lengthen rows that were written under a shorter setting', async () => {
    const { validate, store } = setUp({ ttlMs: 1_000 });
    await validate('t');
    const longer = setUp({ store });
    expect(await longer.validate('t')).toMatchObject({ source: 'table', expiresAtMs: START_MS + 1_000 });
  });

  it('believes no row for longer than the token itself', async () => {
    const { validate, put } = setUp();
    const token = jwtWith({ exp: START_MS / 1000 + 60 });
    put(token, { identity: asha, validatedAtMs: START_MS, expiresAtMs: START_MS + TTL_MS });
    expect(await validate(token)).toMatchObject({ source: 'table', expiresAtMs: START_MS + 60_000 });
  });

  it('believes no row that claims to be valid for longer than the setting allows from now', async () => {
    const { validate, put } = setUp();
    const future = START_MS + 10 * TTL_MS;
    put('t', { identity: asha, validatedAtMs: future, expiresAtMs: future + TTL_MS });
    expect(await validate('t')).toMatchObject({ source: 'table', expiresAtMs: START_MS + TTL_MS });
  });

  it('keeps the newest entries when memory is full', async () => {
    const { validate, sourceOf, store } = setUp({ maxEntries: 2 });
    for (const token of ['a', 'b', 'c']) await validate(token);
    expect(await sourceOf('c')).toBe('memory');
    expect(await sourceOf('a')).toBe('table');
    expect(store.reads).toBe(4);
  });

  it('keeps 10,000 entries by default', async () => {
    const { validate, sourceOf, store } = setUp();
    for (let n = 0; n <= 10_000; n += 1) await validate(`t${n}`);
    expect(await sourceOf('t1')).toBe('memory');
    expect(await sourceOf('t0')).toBe('table');
    expect(store.reads).toBe(10_002);
  });

  it('keeps fewer entries when identities are long, so that they do not fill the memory', async () => {
    const { validate, sourceOf, identify } = setUp();
    identify.mockResolvedValue({ kind: 'valid', identity: { ...asha, name: 'x'.repeat(60_000) } });
    for (let n = 0; n < 300; n += 1) await validate(`t${n}`);
    expect(await sourceOf('t299')).toBe('memory');
    expect(await sourceOf('t100')).toBe('memory');
    expect(await sourceOf('t0')).toBe('table');
  });

  it('hands out deeply frozen identities from each tier, and one frozen object from memory', async () => {
    const { validate, restart, identify } = setUp();
    identify.mockResolvedValue({ kind: 'valid', identity: { ...asha } });
    const validations = [await validate('t'), await validate('t'), await restart().validate('t')];
    expect(validations.map(({ source }) => source)).toEqual(['identity-service', 'memory', 'table']);
    for (const validation of validations) {
      if (validation.kind !== 'valid') throw new Error('not valid');
      expect(Object.isFrozen(validation.identity)).toBe(true);
      expect(Object.values(validation.identity).filter((value) => value instanceof Object)).toEqual([]);
    }
    expect(Object.isFrozen(validations[1])).toBe(true);
    expect(await validate('t')).toBe(validations[1]);
  });
});

describe('the row', () => {
  beforeEach(() => jest.useFakeTimers());

  /** The table takes as long, of both clocks and the timers. The identity service takes 1 s. */
  function setUpSlow(readMs: number, row: 'miss' | 'unavailable' = 'miss') {
    const setup = setUp();
    const advance = (ms: number) => {
      setup.clock.advance(ms);
      return jest.advanceTimersByTimeAsync(ms);
    };
    const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    const writing = deferred();
    jest.spyOn(setup.store, 'read').mockImplementation(() => wait(readMs).then(() => row));
    const write = jest.spyOn(setup.store, 'write').mockReturnValue(writing.promise);
    setup.identify.mockImplementation(() => wait(1_000).then(() => valid));
    const settled = jest.fn();
    const validation = setup.validate('t').finally(settled);
    return { ...setup, advance, write, writing, settled, validation };
  }

  it('is there before the answer, so that the next request finds it', async () => {
    const { advance, write, writing, settled, validation } = setUpSlow(0);
    await advance(0);
    await advance(1_000);
    expect([write.mock.calls.length, settled.mock.calls.length]).toEqual([1, 0]);
    writing.resolve();
    expect(await validation).toMatchObject({ source: 'identity-service' });
  });

  it('is waited for no longer than the read has left of 250 ms, whatever came in between', async () => {
    const { advance, settled, validation } = setUpSlow(240);
    await advance(240);
    await advance(1_000);
    await advance(9);
    expect(settled).not.toHaveBeenCalled();
    await advance(1);
    expect(settled).toHaveBeenCalledTimes(1);
    expect(await validation).toMatchObject({ source: 'identity-service', tableMs: 240, identityMs: 1_000 });
  });

  it('is written also after a read that used up its time, without a wait', async () => {
    const { advance, write, settled } = setUpSlow(400);
    await advance(400);
    await advance(1_000);
    await advance(1);
    expect([write.mock.calls.length, settled.mock.calls.length]).toEqual([1, 1]);
  });

  it('is not written when the table was not available for the read', async () => {
    const { advance, write, validation } = setUpSlow(1, 'unavailable');
    await advance(1);
    await advance(1_000);
    expect(await validation).toMatchObject({ source: 'identity-service' });
    expect(write).not.toHaveBeenCalled();
  });
});

describe('the bound of a verdict', () => {
  it.each([
    ['the setting, when the token has no expiry', 'opaque', {}, TTL_MS],
    ['the token, when it expires sooner', jwtWith({ exp: START_MS / 1000 + 60 }), {}, 60_000],
    ['a fraction of a second of the token', jwtWith({ exp: START_MS / 1000 + 0.25 }), {}, 250],
    ['the setting, when the token expires later', jwtWith({ exp: Date.UTC(2126, 0, 1) / 1000 }), {}, TTL_MS],
    ['the provider, when it says so', 'opaque', { expiresAtMs: START_MS + 5_000 }, 5_000],
  ])('is %s', async (_, token, verdict, lifeMs) => {
    const { validate, sourceOf, identify, clock, store } = setUp();
    identify.mockResolvedValue({ ...valid, ...verdict } as GuardedVerdict);
    expect(await validate(token)).toMatchObject({ validatedAtMs: START_MS, expiresAtMs: START_MS + lifeMs });
    store.rows.clear();
    clock.advance(lifeMs - 1);
    expect(await sourceOf(token)).toBe('memory');
    clock.advance(1);
    identify.mockResolvedValue(rejected);
    expect(await validate(token)).toMatchObject({ kind: 'rejected' });
  });

  it('never slides', async () => {
    const { sourceOf, clock } = setUp();
    const sources = [];
    for (let n = 0; n < 4; n += 1) {
      sources.push(await sourceOf('t'));
      clock.advance(TTL_MS / 3);
    }
    expect(sources).toEqual(['identity-service', 'memory', 'memory', 'identity-service']);
  });

  it('counts from the question, not from the answer', async () => {
    const { validate, identify, clock } = setUp();
    identify.mockImplementation(async () => {
      clock.advance(1_000);
      return valid;
    });
    expect(await validate('t')).toMatchObject({ validatedAtMs: START_MS, expiresAtMs: START_MS + TTL_MS });
  });

  it('makes no call for a token that has expired by its own account', async () => {
    const { validate, identify, store } = setUp();
    const expired = { kind: 'rejected', reason: 'expired', source: 'token' };
    expect(await validate(jwtWith({ exp: START_MS / 1000 }))).toEqual(expired);
    expect(identify).not.toHaveBeenCalled();
    expect(store.reads).toBe(0);
  });

  it('refuses a verdict that was over before it came', async () => {
    const { validate, identify, store } = setUp();
    identify.mockResolvedValue({ ...valid, expiresAtMs: START_MS } as GuardedVerdict);
    expect(await validate('t')).toMatchObject({ kind: 'rejected', reason: 'expired', source: 'identity-service' });
    expect(store.writes).toBe(0);
  });

  it('hands out no verdict that was over before its row was written, as when the machine slept', async () => {
    const { validate, clock, store } = setUp();
    jest.spyOn(store, 'write').mockImplementation(async () => clock.moveWall(TTL_MS));
    expect(await validate('t')).toMatchObject({ kind: 'unavailable', cause: 'timeout', source: 'none' });
  });

  it('does not reject a good token when the answer took longer than a verdict may live', async () => {
    const { validate, clock, identify, store } = setUp({ ttlMs: 1_000 });
    identify.mockImplementation(async () => {
      clock.advance(1_100);
      return valid;
    });
    expect(await validate('t')).toMatchObject({ kind: 'unavailable', cause: 'timeout', retryAfterSeconds: 1 });
    expect(store.writes).toBe(0);
  });
});

describe('when somebody sets the wall clock', () => {
  it('back by an hour, a cached verdict ends after its 30 minutes all the same', async () => {
    const { sourceOf, clock, store } = setUp();
    await sourceOf('t');
    clock.moveWall(-HOUR_MS);
    clock.advance(TTL_MS - 1);
    expect(await sourceOf('t')).toBe('memory');
    clock.advance(1);
    expect(store.rows.size).toBe(1);
    expect(await sourceOf('t')).toBe('identity-service'); // nor is the row believed any longer
  });

  it('back by an hour, a verdict that came from the table ends with the row', async () => {
    const { validate, restart, clock } = setUp();
    await validate('t');
    clock.advance(TTL_MS / 2);
    const other = restart();
    expect((await other.validate('t')).source).toBe('table');
    clock.moveWall(-HOUR_MS);
    clock.advance(TTL_MS / 2);
    expect((await other.validate('t')).source).toBe('identity-service');
  });

  it('ahead by an hour, and back before the answer, a cached verdict ends after its 30 minutes all the same', async () => {
    const { sourceOf, identify, clock, store } = setUp();
    clock.moveWall(HOUR_MS);
    identify.mockImplementationOnce(async () => {
      clock.moveWall(-HOUR_MS);
      return valid;
    });
    await sourceOf('t');
    store.rows.clear();
    clock.advance(TTL_MS - 1);
    expect(await sourceOf('t')).toBe('memory');
    clock.advance(1);
    expect(await sourceOf('t')).toBe('identity-service');
  });

  it('back by an hour, a rejected token is sent again after 10 s', async () => {
    const { sourceOf, identify, clock } = setUp();
    identify.mockResolvedValueOnce(rejected);
    await sourceOf('t');
    clock.moveWall(-HOUR_MS);
    clock.advance(9_999);
    expect(await sourceOf('t')).toBe('memory');
    clock.advance(1);
    expect(await sourceOf('t')).toBe('identity-service');
  });

  it('back by an hour, a throttled token is sent again when its time is over', async () => {
    const { validate, sourceOf, identify, clock } = setUp();
    identify.mockResolvedValueOnce(throttledFor(60));
    await validate('t');
    clock.moveWall(-HOUR_MS);
    clock.advance(59_999);
    expect(await validate('t')).toMatchObject({ cause: 'throttled', retryAfterSeconds: 1 });
    clock.advance(1);
    expect(await sourceOf('t')).toBe('identity-service');
  });

  it('ahead, as after the machine slept, a cached verdict ends at once, also in the table', async () => {
    const { sourceOf, clock } = setUp();
    await sourceOf('t');
    clock.moveWall(TTL_MS);
    expect(await sourceOf('t')).toBe('identity-service');
  });

  it.each([5_000, TTL_MS])('ahead and back, a verdict of %i ms ends after that time', async (lifeMs) => {
    const { sourceOf, identify, clock, store } = setUp();
    clock.moveWall(HOUR_MS);
    identify.mockResolvedValueOnce({ ...valid, expiresAtMs: clock.now() + lifeMs } as GuardedVerdict);
    await sourceOf('t');
    store.rows.clear();
    clock.moveWall(-HOUR_MS);
    clock.advance(lifeMs - 1);
    expect(await sourceOf('t')).toBe('memory');
    clock.advance(1);
    expect(await sourceOf('t')).toBe('identity-service');
  });

  it('ahead, and back while the identity service is asked, a verdict ends after 30 minutes', async () => {
    const { sourceOf, identify, clock, store } = setUp();
    clock.moveWall(HOUR_MS);
    identify.mockImplementationOnce(async () => {
      clock.moveWall(-HOUR_MS);
      return valid;
    });
    await sourceOf('t');
    store.rows.clear();
    clock.advance(TTL_MS);
    expect(await sourceOf('t')).toBe('identity-service');
  });

  it('ahead and back, a rejected token is not served by the older verdict', async () => {
    const { validate, identify, clock } = setUp();
    await validate('t');
    clock.moveWall(HOUR_MS);
    identify.mockResolvedValueOnce(rejected);
    await validate('t');
    clock.moveWall(-HOUR_MS);
    expect(await validate('t')).toMatchObject({ kind: 'rejected', source: 'memory' });
  });

  it('ahead, a rejection and a throttled token do not end earlier', async () => {
    const { validate, identify, clock } = setUp();
    identify.mockResolvedValueOnce(rejected).mockResolvedValueOnce(throttledFor(60));
    await validate('rejected');
    await validate('throttled');
    clock.moveWall(HOUR_MS);
    expect(await validate('rejected')).toMatchObject({ kind: 'rejected', source: 'memory' });
    expect(await validate('throttled')).toMatchObject({ cause: 'throttled', retryAfterSeconds: 60 });
  });
});

describe('a rejected token', () => {
  it('is remembered for ten seconds, and writes no row', async () => {
    const { validate, sourceOf, identify, store, clock } = setUp();
    identify.mockResolvedValue(rejected);
    const refusal = { kind: 'rejected', reason: 'rejected' };
    expect(await validate('t')).toMatchObject({ ...refusal, source: 'identity-service' });
    clock.advance(9_999);
    expect(await validate('t')).toEqual({ ...refusal, source: 'memory' });
    expect(identify).toHaveBeenCalledTimes(1);
    clock.advance(1);
    identify.mockResolvedValue(valid);
    expect(await sourceOf('t')).toBe('identity-service');
    expect(store.writes).toBe(1);
  });

  it('is asked about again when the rejection is about the request', async () => {
    const { validate, identify } = setUp();
    identify.mockResolvedValueOnce({ kind: 'rejected', cacheable: false });
    expect(await validate('t')).toMatchObject({ kind: 'rejected', reason: 'rejected' });
    expect(await validate('t')).toMatchObject({ kind: 'valid', source: 'identity-service' });
  });

  it('is not served by an older valid verdict', async () => {
    const { validate, identify, clock } = setUp();
    await validate('t');
    clock.advance(TTL_MS);
    identify.mockResolvedValueOnce(rejected);
    await validate('t');
    expect(await validate('t')).toMatchObject({ kind: 'rejected', source: 'memory' });
    expect(identify).toHaveBeenCalledTimes(2);
  });

  it('is one of the newest 1,000 that are remembered', async () => {
    const { sourceOf, identify } = setUp();
    identify.mockResolvedValue(rejected);
    for (let n = 0; n <= 1_000; n += 1) await sourceOf(`junk-${n}`);
    expect(await sourceOf('junk-1')).toBe('memory');
    expect(await sourceOf('junk-0')).toBe('identity-service');
    expect(identify).toHaveBeenCalledTimes(1_002);
  });

  it('evicts no good entry, however many there are', async () => {
    const { sourceOf, identify } = setUp({ maxEntries: 10 });
    await sourceOf('good');
    identify.mockResolvedValue(rejected);
    for (let junk = 0; junk < 2_000; junk += 1) await sourceOf(`junk-${junk}`);
    expect(await sourceOf('good')).toBe('memory');
  });
});

describe('an outage', () => {
  it('is passed on with its cause and when to try again, and not remembered', async () => {
    const { validate, sourceOf, identify, store } = setUp();
    identify.mockResolvedValueOnce({ kind: 'unavailable', cause: 'server_error', retryAfterSeconds: 7 });
    const outage = { kind: 'unavailable', cause: 'server_error', retryAfterSeconds: 7, source: 'none' };
    expect(await validate('t')).toMatchObject(outage);
    expect(store.writes).toBe(0);
    expect(await sourceOf('t')).toBe('identity-service');
  });
});

describe('a throttled token', () => {
  it('is not sent again until its own time is over, of which the caller is told what is left', async () => {
    const { validate, sourceOf, identify, clock } = setUp();
    identify.mockResolvedValueOnce(throttledFor(3_600));
    const outage = { kind: 'unavailable', cause: 'throttled', source: 'none' };
    expect(await validate('t')).toMatchObject({ ...outage, retryAfterSeconds: 3_600 });
    clock.advance(600_001);
    expect(await validate('t')).toMatchObject({ ...outage, retryAfterSeconds: 3_000 });
    clock.advance(2_999_998);
    expect(await validate('t')).toMatchObject({ ...outage, retryAfterSeconds: 1 });
    expect(identify).toHaveBeenCalledTimes(1);
    clock.advance(1);
    expect(await sourceOf('t')).toBe('identity-service');
  });

  it('is throttled alone: other tokens are sent, and their success clears nothing', async () => {
    const { validate, identify } = setUp();
    identify.mockResolvedValueOnce(throttledFor(3_600));
    await validate('t');
    for (const other of ['a', 'b', 'c']) expect(await validate(other)).toMatchObject({ kind: 'valid' });
    expect(await validate('t')).toMatchObject({ cause: 'throttled' });
    expect(identify.mock.calls.filter(([token]) => token === 't')).toHaveLength(1);
  });

  it('is served from the table all the same, and that verdict clears it', async () => {
    const { validate, sourceOf, put, identify, store, clock } = setUp();
    identify.mockResolvedValueOnce(throttledFor(3_600));
    await validate('t');
    put('t', { identity: asha, validatedAtMs: START_MS, expiresAtMs: START_MS + 60_000 }); // by another instance
    expect(await sourceOf('t')).toBe('table');
    clock.advance(60_000);
    store.rows.clear();
    expect(await sourceOf('t')).toBe('identity-service');
  });

  it('is cleared by a rejection, which then ends by its own time', async () => {
    const { validate, sourceOf, identify, clock } = setUp();
    identify.mockResolvedValueOnce(throttledFor(1)).mockResolvedValueOnce(rejected);
    await validate('t');
    clock.advance(1_000);
    expect(await validate('t')).toMatchObject({ kind: 'rejected' });
    clock.advance(10_000);
    expect(await sourceOf('t')).toBe('identity-service');
  });

  it('is one of the newest 1,000 that are remembered, rejected ones included', async () => {
    const { validate, identify } = setUp();
    identify.mockImplementation(async (token) => (token.startsWith('junk') ? rejected : throttledFor(3_600)));
    await validate('first');
    await validate('second');
    for (let n = 0; n < 999; n += 1) await validate(`junk-${n}`);
    identify.mockClear();
    await validate('second');
    expect(identify).not.toHaveBeenCalled();
    await validate('first');
    expect(identify).toHaveBeenCalledTimes(1);
  });
});

describe('pending validations', () => {
  it('make one call for many concurrent requests with one token, and one for each other token', async () => {
    const { validate, identify, store } = setUp();
    const verdict = deferred<GuardedVerdict>();
    identify.mockReturnValue(verdict.promise);
    const callers = [...Array(50).keys()].map((n) => validate(n < 49 ? 'same' : 'other'));
    verdict.resolve(valid);
    const sources = (await Promise.all(callers)).map(({ source }) => source);
    expect(new Set(sources)).toEqual(new Set(['identity-service']));
    expect(identify.mock.calls.map(([token]) => token).sort()).toEqual(['other', 'same']);
    expect([store.reads, store.writes]).toEqual([2, 2]);
  });

  it('give all who wait the same outage, and the next request starts again', async () => {
    const { validate, identify } = setUp();
    identify.mockResolvedValueOnce({ kind: 'unavailable', cause: 'server_error', retryAfterSeconds: 5 });
    const outcomes = await Promise.all([validate('t'), validate('t')]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['unavailable', 'unavailable']);
    expect(await validate('t')).toMatchObject({ source: 'identity-service' });
    expect(identify).toHaveBeenCalledTimes(2);
  });

  it('give all who wait the same bug, and the next request starts again', async () => {
    const { validate, identify } = setUp();
    identify.mockRejectedValueOnce(new TypeError('bug'));
    const outcomes = await Promise.allSettled([validate('t'), validate('t')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await validate('t')).toMatchObject({ source: 'identity-service' });
  });
});

describe('the steps of a validation, for Server-Timing', () => {
  function setUpTimed() {
    const setup = setUp();
    const { store, clock, identify } = setup;
    const read = store.read.bind(store);
    store.read = (key) => {
      clock.advance(8);
      return read(key);
    };
    identify.mockImplementation(async () => {
      clock.advance(11);
      return valid;
    });
    return setup;
  }

  it('are those that ran', async () => {
    const { validate, restart } = setUpTimed();
    const steps = (validation: object) => ['tableMs', 'identityMs'].map((name) => Reflect.get(validation, name));
    expect(steps(await validate('t'))).toEqual([8, 11]);
    expect(steps(await validate('t'))).toEqual([undefined, undefined]);
    expect(steps(await restart().validate('t'))).toEqual([8, undefined]);
    expect(steps(await validate(jwtWith({ exp: 1 })))).toEqual([undefined, undefined]);
  });

  it.each<GuardedVerdict>([rejected, throttledFor(60), { ...valid, expiresAtMs: 1 } as GuardedVerdict])(
    'are known whatever the verdict: $kind $cause',
    async (verdict) => {
      const { validate, identify } = setUpTimed();
      identify.mockResolvedValueOnce(verdict);
      expect(await validate('t')).toMatchObject({ tableMs: 8, identityMs: 0 });
    },
  );

  it('of a throttled token are those of the table', async () => {
    const { validate, identify } = setUpTimed();
    identify.mockResolvedValueOnce(throttledFor(60));
    await validate('t');
    const validation = await validate('t');
    expect(validation).toMatchObject({ tableMs: 8 });
    expect(validation).not.toHaveProperty('identityMs');
  });
});

describe('the log', () => {
  const line = { outcome: 'valid', card: 'card-orders', durationMs: 0, breaker: 'closed' };

  it('has a line for each validation, but not for a valid one from memory', async () => {
    const { validate, restart, lines } = setUp();
    await validate('SENTINEL');
    expect(lines()).toEqual([{ ...line, source: 'identity-service' }]);
    for (let n = 0; n < 10; n += 1) await validate('SENTINEL');
    expect(lines()).toHaveLength(1);
    await restart().validate('SENTINEL');
    expect(lines().slice(1)).toEqual([{ ...line, source: 'table' }]);
  });

  it.each<[string, GuardedVerdict, object]>([
    ['rejected', rejected, { outcome: 'rejected', source: 'identity-service', reason: 'rejected' }],
    ['an outage', throttledFor(60), { outcome: 'unavailable', source: 'none', reason: 'throttled' }],
  ])('tells what became of it: %s', async (_, verdict, fields) => {
    const { validate, identify, lines } = setUp();
    identify.mockResolvedValue(verdict);
    await validate('t');
    expect(lines()).toEqual([{ ...fields, durationMs: 0, breaker: 'closed' }]);
  });

  it('has a line for a token that is rejected from memory, throttled, or expired', async () => {
    const { validate, identify, lines } = setUp();
    identify.mockResolvedValueOnce(rejected).mockResolvedValueOnce(throttledFor(60));
    for (const token of ['a', 'b', 'a', 'b', jwtWith({ exp: 1 })]) await validate(token);
    expect(lines().map(({ outcome, source, reason }) => [outcome, source, reason])).toEqual([
      ['rejected', 'identity-service', 'rejected'],
      ['unavailable', 'none', 'throttled'],
      ['rejected', 'memory', 'rejected'],
      ['unavailable', 'none', 'throttled'],
      ['rejected', 'token', 'expired'],
    ]);
  });

  it('names no card where there is none, and only the beginning of a very long one', async () => {
    const { validate, identify, lines } = setUp();
    identify.mockResolvedValueOnce({ kind: 'valid', identity: { ...asha, actionPackageId: null } });
    identify.mockResolvedValueOnce({ kind: 'valid', identity: { ...asha, actionPackageId: 'c'.repeat(60_000) } });
    await validate('a');
    await validate('b');
    expect(lines().map(({ card }) => card)).toEqual([undefined, 'c'.repeat(200)]);
  });

  it('tells the state of the circuit at the end of the validation', async () => {
    const { validate, identify, breakerState, lines } = setUp();
    identify.mockImplementation(async () => {
      breakerState.mockReturnValue('half-open');
      return valid;
    });
    await validate('t');
    expect(lines()).toMatchObject([{ breaker: 'half-open' }]);
  });

  it('has a line, with a duration of its own, for each of two callers that wait for the same', async () => {
    const { validate, identify, clock, lines } = setUp();
    const verdict = deferred<GuardedVerdict>();
    identify.mockReturnValue(verdict.promise);
    const first = validate('t');
    clock.advance(10);
    const second = validate('t');
    clock.advance(5.4);
    verdict.resolve(valid);
    await Promise.all([first, second]);
    expect(lines().map(({ durationMs }) => durationMs)).toEqual([15, 5]);
  });

  it('counts hits from memory, in one line within the first validation after the minute', async () => {
    const { validate, identify, clock, lines } = setUp();
    await validate('t');
    for (let n = 0; n < 3; n += 1) await validate('t');
    clock.advance(59_999);
    await validate('t');
    expect(lines('token_validations')).toEqual([]);
    clock.advance(1);
    identify.mockReturnValue(new Promise(() => {}));
    void validate('a new one, whose answer is not waited for');
    const counted = { source: 'memory', outcome: 'valid', count: 4, sumMs: 0, maxMs: 0, buckets: [4, 0, 0, 0, 0] };
    expect(lines('token_validations')).toEqual([counted]);
  });

  it('counts no rejection from memory', async () => {
    const { validate, identify, logHits, lines } = setUp();
    identify.mockResolvedValue(rejected);
    for (let n = 0; n < 3; n += 1) await validate('t');
    logHits();
    expect(lines('token_validations')).toEqual([]);
  });

  it('has what is counted when the process ends', async () => {
    const { validate, logHits, lines } = setUp();
    await validate('t');
    await validate('t');
    logHits();
    logHits();
    expect(lines('token_validations').map(({ count }) => count)).toEqual([1]);
  });
});
