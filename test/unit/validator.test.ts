import type { Verdict } from '../../shared/auth/provider';
import { createDeriveTokenKey } from '../../shared/auth/token-key';
import {
  createValidator,
  type ReliableTokenStore,
  type StoredIdentity,
  type Validator,
} from '../../shared/auth/validator';
import { IdentityUnavailableError, InvalidTokenError } from '../../shared/errors';
import { deferred } from '../harness/deferred';
import { createFakeClock } from '../harness/fake-clock';
import { jwtWith } from '../harness/tokens';

const TTL_MS = 1_800_000;
const asha = { id: 'u-1', name: 'Asha', phoneNumber: null, pictureUrl: null, actionPackageId: 'card-orders' };
const valid: Verdict = { kind: 'valid', identity: asha };
/** With the word for the log, and what the card should do. */
const refusal = (reason: string) => ({ reason, message: expect.stringContaining('Get a new one from the card SDK.') });

class MapStore implements ReliableTokenStore {
  readonly rows = new Map<string, StoredIdentity>();
  reads = 0;
  writes = 0;
  entryOf({ id }: { id: string }) {
    return {
      read: async () => {
        this.reads += 1;
        return this.rows.get(id);
      },
      write: async (stored: StoredIdentity) => {
        this.writes += 1;
        this.rows.set(id, stored);
      },
    };
  }
}

function setUp(options: { ttlMs?: number; maxEntries?: number; store?: ReliableTokenStore } = {}) {
  const clock = createFakeClock();
  const endpoint = 'http://127.0.0.1:7072/v1/users/me';
  const identify = jest.fn<Promise<Verdict>, [string, AbortSignal]>(async () => valid);
  const store = options.store ?? new MapStore();
  const deriveKey = createDeriveTokenKey('s'.repeat(32), { name: 'test', endpoint });
  const restart = (): Validator =>
    createValidator({
      ttlMs: TTL_MS,
      ...options,
      clock,
      deriveKey,
      store,
      provider: { name: 'test', endpoint, identify },
    });
  return { clock, identify, store: store as MapStore, deriveKey, restart, validator: restart() };
}

afterEach(() => jest.useRealTimers());

describe('the tiers', () => {
  it('asks the identity service once, then answers from memory', async () => {
    const { validator, identify, clock } = setUp();
    const first = await validator.authenticate('t');
    clock.advance(60_000);
    const second = await validator.authenticate('t');
    expect(first).toMatchObject({
      source: 'identity-service',
      identity: asha,
      expiresAtMs: first.validatedAtMs + TTL_MS,
    });
    expect(second).toMatchObject({
      source: 'memory',
      validatedAtMs: first.validatedAtMs,
      expiresAtMs: first.expiresAtMs,
    });
    expect(identify).toHaveBeenCalledTimes(1);
  });

  it('answers a new instance from the table, with the remaining life only, and writes nothing', async () => {
    const { validator, restart, identify, store, clock } = setUp();
    const first = await validator.authenticate('t');
    await first.persisted;
    clock.advance(TTL_MS - 1);
    const other = restart();
    expect(await other.authenticate('t')).toMatchObject({ source: 'table', expiresAtMs: first.expiresAtMs });
    expect(await other.authenticate('t')).toMatchObject({ source: 'memory', expiresAtMs: first.expiresAtMs });
    clock.advance(1);
    expect(await other.authenticate('t')).toMatchObject({ source: 'identity-service' });
    expect(identify).toHaveBeenCalledTimes(2);
    expect(store.writes).toBe(2);
  });

  it('applies a shorter setting to rows that were written under a longer one', async () => {
    const { validator, restart: _, store, clock } = setUp();
    await (await validator.authenticate('t')).persisted;
    const shorter = setUp({ ttlMs: 1_000, store });
    clock.advance(0);
    shorter.clock.advance(999);
    expect((await shorter.validator.authenticate('t')).source).toBe('table');
    shorter.clock.advance(1);
    expect((await shorter.validator.authenticate('t')).source).toBe('identity-service');
  });

  it('does not lengthen rows that were written under a shorter setting', async () => {
    const { validator, store } = setUp({ ttlMs: 1_000 });
    const { expiresAtMs, persisted } = await validator.authenticate('t');
    await persisted;
    const longer = setUp({ store });
    expect(await longer.validator.authenticate('t')).toMatchObject({ source: 'table', expiresAtMs });
  });

  it('believes no row for longer than the token itself', async () => {
    const { validator, store, deriveKey, clock } = setUp();
    const token = jwtWith({ exp: clock() / 1000 + 60 });
    const [validatedAtMs, expiresAtMs] = [clock(), clock() + TTL_MS];
    store.rows.set(deriveKey(token).id, { identity: asha, validatedAtMs, expiresAtMs });
    expect((await validator.authenticate(token)).expiresAtMs).toBe(clock() + 60_000);
  });

  it('believes no row that claims to be valid for longer than the setting allows from now', async () => {
    const { validator, store, deriveKey, clock } = setUp();
    const future = clock() + 10 * TTL_MS;
    store.rows.set(deriveKey('t').id, { identity: asha, validatedAtMs: future, expiresAtMs: future + TTL_MS });
    expect((await validator.authenticate('t')).expiresAtMs).toBe(clock() + TTL_MS);
  });

  it('keeps the newest entries when memory is full', async () => {
    const { validator, store } = setUp({ maxEntries: 2 });
    for (const token of ['a', 'b', 'c']) await validator.authenticate(token);
    expect((await validator.authenticate('c')).source).toBe('memory');
    expect((await validator.authenticate('a')).source).toBe('table');
    expect(store.reads).toBe(4);
  });

  it('keeps 10,000 entries unless told', async () => {
    const { validator, store } = setUp();
    for (let n = 0; n <= 10_000; n += 1) await validator.authenticate(`t${n}`);
    expect((await validator.authenticate('t1')).source).toBe('memory');
    expect((await validator.authenticate('t0')).source).toBe('table');
    expect(store.reads).toBe(10_002);
  });

  it('keeps fewer entries when identities are long, so that they do not fill the memory', async () => {
    const { validator, identify } = setUp();
    identify.mockResolvedValue({ kind: 'valid', identity: { ...asha, name: 'x'.repeat(60_000) } });
    for (let n = 0; n < 300; n += 1) await validator.authenticate(`t${n}`);
    expect((await validator.authenticate('t299')).source).toBe('memory');
    expect((await validator.authenticate('t100')).source).toBe('memory');
    expect((await validator.authenticate('t0')).source).toBe('table');
  });

  it('hands out frozen identities', async () => {
    const { validator, restart } = setUp();
    const fresh = await validator.authenticate('t');
    await fresh.persisted;
    for (const { identity } of [fresh, await validator.authenticate('t'), await restart().authenticate('t')]) {
      expect(Object.isFrozen(identity)).toBe(true);
    }
  });

  it('does not wait for the row before it answers, and tells when it is there', async () => {
    const writing = deferred();
    const { validator } = setUp({
      store: { entryOf: () => ({ read: async () => undefined, write: () => writing.promise }) },
    });
    const authentication = await validator.authenticate('t');
    let persisted = false;
    const done = authentication.persisted.then(() => {
      persisted = true;
    });
    await Promise.resolve();
    expect(persisted).toBe(false);
    writing.resolve();
    await done;
  });
});

describe('the bound of a verdict', () => {
  it.each([
    ['the setting, when the token has no expiry', 'opaque', {}, TTL_MS],
    ['the token, when it expires sooner', jwtWith({ exp: Date.UTC(2026, 0, 1) / 1000 + 60 }), {}, 60_000],
    ['a fraction of a second of the token', jwtWith({ exp: Date.UTC(2026, 0, 1) / 1000 + 0.25 }), {}, 250],
    ['the setting, when the token expires later', jwtWith({ exp: Date.UTC(2126, 0, 1) / 1000 }), {}, TTL_MS],
    ['the provider, when it says so', 'opaque', { expiresAtMs: Date.UTC(2026, 0, 1) + 5_000 }, 5_000],
  ])('is %s', async (_, token, verdict, lifeMs) => {
    const { validator, identify, clock, store } = setUp();
    identify.mockResolvedValue({ ...valid, ...verdict } as Verdict);
    const { expiresAtMs, validatedAtMs } = await validator.authenticate(token);
    expect(expiresAtMs - validatedAtMs).toBe(lifeMs);
    store.rows.clear();
    clock.advance(lifeMs - 1);
    expect((await validator.authenticate(token)).source).toBe('memory');
    clock.advance(1);
    identify.mockResolvedValue({ kind: 'rejected', definite: true });
    await expect(validator.authenticate(token)).rejects.toThrow(InvalidTokenError);
  });

  it('counts from the question, not from the answer', async () => {
    const { validator, identify, clock } = setUp();
    const askedAtMs = clock();
    identify.mockImplementation(async () => {
      clock.advance(1_000);
      return valid;
    });
    const expected = { validatedAtMs: askedAtMs, expiresAtMs: askedAtMs + TTL_MS };
    expect(await validator.authenticate('t')).toMatchObject(expected);
  });

  it('makes no call for a token that has expired by its own account', async () => {
    const { validator, identify, store, clock } = setUp();
    await expect(validator.authenticate(jwtWith({ exp: clock() / 1000 }))).rejects.toMatchObject(refusal('expired'));
    expect(identify).not.toHaveBeenCalled();
    expect(store.reads).toBe(0);
  });

  it('refuses a verdict that was over before it came', async () => {
    const { validator, identify, clock, store } = setUp();
    identify.mockResolvedValue({ ...valid, expiresAtMs: clock() } as Verdict);
    await expect(validator.authenticate('t')).rejects.toMatchObject(refusal('expired'));
    expect(store.writes).toBe(0);
  });
});

describe('verdicts other than valid', () => {
  it('remembers a definite rejection for ten seconds, and writes no row', async () => {
    const { validator, identify, store, clock } = setUp();
    identify.mockResolvedValue({ kind: 'rejected', definite: true });
    await expect(validator.authenticate('t')).rejects.toMatchObject(refusal('rejected'));
    clock.advance(9_999);
    await expect(validator.authenticate('t')).rejects.toMatchObject(refusal('rejected'));
    expect(identify).toHaveBeenCalledTimes(1);
    clock.advance(1);
    identify.mockResolvedValue(valid);
    expect((await validator.authenticate('t')).source).toBe('identity-service');
    expect(store.writes).toBe(1);
  });

  it('brings no older identity back when the clock is set back after a rejection', async () => {
    const { validator, identify, clock } = setUp();
    await validator.authenticate('t');
    clock.advance(TTL_MS);
    identify.mockResolvedValueOnce({ kind: 'rejected', definite: true });
    await expect(validator.authenticate('t')).rejects.toThrow(InvalidTokenError);
    clock.advance(-1);
    await expect(validator.authenticate('t')).rejects.toThrow(InvalidTokenError);
    expect(identify).toHaveBeenCalledTimes(2);
  });

  it('brings no older rejection back when the clock is set back after a valid verdict', async () => {
    const { validator, identify, clock } = setUp({ maxEntries: 1 });
    identify.mockResolvedValueOnce({ kind: 'rejected', definite: true });
    await expect(validator.authenticate('t')).rejects.toThrow(InvalidTokenError);
    clock.advance(10_000);
    await validator.authenticate('t');
    await validator.authenticate('that takes its place in memory');
    clock.advance(-1);
    expect((await validator.authenticate('t')).source).toBe('table');
  });

  it('asks again after a rejection that is not definite', async () => {
    const { validator, identify } = setUp();
    identify.mockResolvedValueOnce({ kind: 'rejected', definite: false });
    await expect(validator.authenticate('t')).rejects.toThrow(InvalidTokenError);
    expect((await validator.authenticate('t')).source).toBe('identity-service');
  });

  it('remembers nothing of an outage, and passes on when to try again', async () => {
    const { validator, identify } = setUp();
    identify.mockResolvedValueOnce({ kind: 'unavailable', cause: 'throttled', retryAfterSeconds: 7 });
    const error = await validator.authenticate('t').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(IdentityUnavailableError);
    expect(error).toMatchObject({ retryAfterSeconds: 7, reason: 'throttled' });
    expect((await validator.authenticate('t')).source).toBe('identity-service');
  });

  it('says 5 s where the provider says nothing', async () => {
    const { validator, identify } = setUp();
    identify.mockResolvedValueOnce({ kind: 'unavailable', cause: 'busy' });
    await expect(validator.authenticate('t')).rejects.toMatchObject({ retryAfterSeconds: 5, reason: 'busy' });
  });

  it('remembers the newest 1,000 rejections', async () => {
    const { validator, identify } = setUp();
    identify.mockResolvedValue({ kind: 'rejected', definite: true });
    const reject = (n: number) => expect(validator.authenticate(`junk-${n}`)).rejects.toThrow(InvalidTokenError);
    for (let n = 0; n <= 1_000; n += 1) await reject(n);
    await reject(1);
    expect(identify).toHaveBeenCalledTimes(1_001);
    await reject(0);
    expect(identify).toHaveBeenCalledTimes(1_002);
  });

  it('lets a flood of junk evict no good entry', async () => {
    const { validator, identify } = setUp({ maxEntries: 10 });
    await validator.authenticate('good');
    identify.mockResolvedValue({ kind: 'rejected', definite: true });
    for (let junk = 0; junk < 2_000; junk += 1) await validator.authenticate(`junk-${junk}`).catch(() => {});
    expect((await validator.authenticate('good')).source).toBe('memory');
  });
});

describe('flights', () => {
  it('makes one call for many concurrent requests with one token, and one for each other token', async () => {
    const { validator, identify, store } = setUp();
    const verdict = deferred<Verdict>();
    identify.mockReturnValue(verdict.promise);
    const callers = [...Array(50).keys()].map((n) => validator.authenticate(n < 49 ? 'same' : 'other'));
    verdict.resolve(valid);
    const sources = (await Promise.all(callers)).map(({ source }) => source);
    expect(new Set(sources)).toEqual(new Set(['identity-service']));
    expect(identify.mock.calls.map(([token]) => token).sort()).toEqual(['other', 'same']);
    expect(store.writes).toBe(2);
  });

  it('gives all who wait the same failure, and starts anew afterwards', async () => {
    const { validator, identify } = setUp();
    identify.mockResolvedValueOnce({ kind: 'unavailable', cause: 'server_error' });
    const outcomes = await Promise.allSettled([validator.authenticate('t'), validator.authenticate('t')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect((await validator.authenticate('t')).source).toBe('identity-service');
    expect(identify).toHaveBeenCalledTimes(2);
  });

  it('ends by its own deadline, and believes nothing that comes later', async () => {
    jest.useFakeTimers();
    const { validator, identify, store } = setUp();
    const late = deferred<Verdict>();
    identify.mockReturnValueOnce(late.promise);
    const hung = validator.authenticate('t').catch((error: unknown) => error);
    await jest.advanceTimersByTimeAsync(2_699);
    expect(identify.mock.calls[0]?.[1].aborted).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(await hung).toBeInstanceOf(IdentityUnavailableError);
    expect(await hung).toMatchObject({ retryAfterSeconds: 5, reason: 'timeout' });
    expect(identify.mock.calls[0]?.[1].aborted).toBe(true);

    identify.mockResolvedValueOnce({ kind: 'rejected', definite: true });
    await expect(validator.authenticate('t')).rejects.toThrow(InvalidTokenError);
    late.resolve(valid);
    await jest.advanceTimersByTimeAsync(0);
    await expect(validator.authenticate('t')).rejects.toThrow(InvalidTokenError);
    expect(store.writes).toBe(0);
  });

  it('remembers no rejection that comes after the deadline', async () => {
    jest.useFakeTimers();
    const { validator, identify } = setUp();
    const late = deferred<Verdict>();
    identify.mockReturnValueOnce(late.promise);
    const hung = expect(validator.authenticate('t')).rejects.toThrow(IdentityUnavailableError);
    await jest.advanceTimersByTimeAsync(2_700);
    await hung;
    late.resolve({ kind: 'rejected', definite: true });
    await jest.advanceTimersByTimeAsync(0);
    expect((await validator.authenticate('t')).source).toBe('identity-service');
  });
});
