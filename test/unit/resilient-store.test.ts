import { createResilientStore } from '../../shared/auth/resilient-store';
import type { TokenKey } from '../../shared/auth/token-key';
import type { StoredIdentity } from '../../shared/auth/validator';
import { deferred } from '../harness/deferred';

const identity = { id: 'u-1', name: 'Asha', phoneNumber: null, pictureUrl: null, actionPackageId: 'card-orders' };

beforeEach(() => {
  jest.useFakeTimers();
  jest.advanceTimersByTime(10_000); // no moment of a test is the beginning of time
});
afterEach(() => jest.useRealTimers());

describe('the resilient store', () => {
  const key: TokenKey = { id: 'k', seal: () => new Uint8Array(), open: () => undefined };
  const stored: StoredIdentity = { identity, validatedAtMs: 0, expiresAtMs: 1 };

  function setUpStore() {
    const inner = {
      read: jest.fn<Promise<StoredIdentity | undefined>, [TokenKey, AbortSignal?]>(async () => stored),
      write: jest.fn<Promise<void>, [TokenKey, StoredIdentity, AbortSignal?]>(async () => {}),
    };
    const log = jest.fn();
    return { inner, log, store: createResilientStore(inner, log) };
  }

  /** As a validation does that finds nothing. */
  async function validate(store: ReturnType<typeof setUpStore>['store']) {
    const entry = store.entryOf(key);
    await entry.read();
    await entry.write(stored);
  }

  it('turns a failed read into a miss and a failed write into nothing', async () => {
    const { inner, log, store } = setUpStore();
    inner.write.mockRejectedValueOnce(Object.assign(new Error('u-1'), { code: 'ECONNREFUSED' }));
    await validate(store);
    inner.read.mockRejectedValueOnce(new Error('u-1'));
    expect(await store.entryOf(key).read()).toBeUndefined();
    expect(log.mock.calls).toEqual([
      ['warn', 'token_table_write_failed', { reason: 'ECONNREFUSED' }],
      ['warn', 'token_table_read_failed', { reason: 'Error' }],
    ]);
  });

  it('has a word for a failure that has neither a code nor a name', async () => {
    const { inner, log, store } = setUpStore();
    inner.read.mockRejectedValueOnce('u-1');
    expect(await store.entryOf(key).read()).toBeUndefined();
    expect(log.mock.calls).toEqual([['warn', 'token_table_read_failed', { reason: 'unknown' }]]);
  });

  it('gives up a read that hangs after 250 ms, aborts it, and leaves its own write out, but no other', async () => {
    const { inner, log, store } = setUpStore();
    inner.read.mockReturnValueOnce(new Promise(() => {}));
    const entry = store.entryOf(key);
    const read = entry.read();
    await jest.advanceTimersByTimeAsync(249);
    expect(inner.read.mock.calls[0]?.[1]?.aborted).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(await read).toBeUndefined();
    expect(inner.read.mock.calls[0]?.[1]?.aborted).toBe(true);
    await entry.write(stored);
    expect(inner.write).not.toHaveBeenCalled();
    await validate(store);
    expect(inner.write).toHaveBeenCalledTimes(1);
    expect(log.mock.calls).toEqual([['warn', 'token_table_read_failed', { reason: 'timeout' }]]);
  });

  it('waits for a write as long as its read has left of 250 ms, whatever was between them, but lets it go on', async () => {
    const { inner, log, store } = setUpStore();
    inner.read.mockImplementation(() => new Promise((resolve) => setTimeout(resolve, 240, undefined)));
    inner.write.mockImplementation(() => new Promise((resolve) => setTimeout(resolve, 240)));
    const entry = store.entryOf(key);
    const read = entry.read();
    await jest.advanceTimersByTimeAsync(240);
    expect(await read).toBeUndefined();
    await jest.advanceTimersByTimeAsync(1_000); // the identity service
    let isOver = false;
    const write = entry.write(stored).then(() => {
      isOver = true;
    });
    await jest.advanceTimersByTimeAsync(9);
    expect(isOver).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await write;
    await jest.advanceTimersByTimeAsync(229);
    expect(inner.write.mock.calls[0]?.[2]?.aborted).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await inner.write.mock.results[0]?.value;
    expect(log).not.toHaveBeenCalled();
  });

  it('gives up a write that hangs after 250 ms, and aborts it', async () => {
    const { inner, log, store } = setUpStore();
    inner.write.mockReturnValue(new Promise(() => {}));
    const write = validate(store);
    await jest.advanceTimersByTimeAsync(249);
    expect(inner.write.mock.calls[0]?.[2]?.aborted).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await write;
    expect(inner.write.mock.calls[0]?.[2]?.aborted).toBe(true);
    expect(log.mock.calls).toEqual([['warn', 'token_table_write_failed', { reason: 'timeout' }]]);
  });

  it.each([3_600_000, -3_600_000])('waits neither more nor less when the clock is set by %i ms', async (byMs) => {
    const { inner, store } = setUpStore();
    inner.read.mockImplementation(async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      jest.setSystemTime(Date.now() + byMs);
      return undefined;
    });
    inner.write.mockImplementation(() => new Promise((resolve) => setTimeout(resolve, 240)));
    let isOver = false;
    const validation = validate(store).then(() => {
      isOver = true;
    });
    await jest.advanceTimersByTimeAsync(249);
    expect(isOver).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(isOver).toBe(true);
    await validation;
  });

  it('is not asked after three failures in a row, and is again 5 s later', async () => {
    const { inner, log, store } = setUpStore();
    inner.read.mockRejectedValue(new Error('down'));
    for (let n = 0; n < 10; n += 1) await validate(store);
    expect(inner.read).toHaveBeenCalledTimes(3);
    expect(inner.write).not.toHaveBeenCalled();
    inner.read.mockResolvedValue(stored);
    await jest.advanceTimersByTimeAsync(4_999);
    expect(await store.entryOf(key).read()).toBeUndefined();
    await jest.advanceTimersByTimeAsync(1);
    expect(await store.entryOf(key).read()).toBe(stored);
    await validate(store);
    expect(inner.write).toHaveBeenCalledTimes(1);
    expect(log.mock.calls).toEqual([
      ['warn', 'token_table_read_failed', { reason: 'Error' }],
      ['info', 'token_table_read_recovered'],
    ]);
  });

  it('lets nobody wait for the one read that finds out whether the table is back', async () => {
    const { inner, store } = setUpStore();
    inner.read.mockRejectedValue(new Error('down'));
    for (let n = 0; n < 3; n += 1) await validate(store);
    await jest.advanceTimersByTimeAsync(5_000);
    const answer = deferred<StoredIdentity | undefined>();
    inner.read.mockReturnValue(answer.promise);
    const probe = store.entryOf(key).read();
    expect(await store.entryOf(key).read()).toBeUndefined();
    expect(inner.read).toHaveBeenCalledTimes(4);
    answer.resolve(stored);
    expect(await probe).toBe(stored);
    expect(await store.entryOf(key).read()).toBe(stored);
  });

  it('logs one line while every other read fails, and another when none has for 2.5 s', async () => {
    const { inner, log, store } = setUpStore();
    for (let n = 0; n < 10; n += 1) {
      inner.read.mockRejectedValueOnce(new Error('down'));
      await store.entryOf(key).read();
      await store.entryOf(key).read();
    }
    await jest.advanceTimersByTimeAsync(2_499);
    await store.entryOf(key).read();
    expect(log.mock.calls).toEqual([['warn', 'token_table_read_failed', { reason: 'Error' }]]);
    await jest.advanceTimersByTimeAsync(1);
    await store.entryOf(key).read();
    expect(log.mock.calls.slice(1)).toEqual([['info', 'token_table_read_recovered']]);
    inner.read.mockRejectedValueOnce(new Error('down'));
    await store.entryOf(key).read();
    expect(log.mock.calls.slice(2)).toEqual([['warn', 'token_table_read_failed', { reason: 'Error' }]]);
  });
});
