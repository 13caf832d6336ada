import { createResilientStore } from '../../shared/auth/resilient-store';
import type { TokenKey } from '../../shared/auth/token-key';
import type { StoredIdentity } from '../../shared/auth/validator';
import { deferred } from '../harness/deferred';

const identity = { id: 'u-1', name: 'Asha', phoneNumber: null, pictureUrl: null, actionPackageId: 'card-orders' };

beforeEach(() => jest.useFakeTimers());
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
    return { inner, log, store: createResilientStore(inner, { clock: () => Date.now(), log }) };
  }

  it('turns a failed read into a miss and a failed write into nothing', async () => {
    const { inner, log, store } = setUpStore();
    inner.write.mockRejectedValueOnce(Object.assign(new Error('u-1'), { code: 'ECONNREFUSED' }));
    await store.entryOf(key).write(stored);
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

  it('gives up a read that hangs after 250 ms, aborts it, and then leaves the write out', async () => {
    const { inner, log, store } = setUpStore();
    inner.read.mockReturnValueOnce(new Promise(() => {}));
    const read = store.entryOf(key).read();
    await jest.advanceTimersByTimeAsync(249);
    expect(inner.read.mock.calls[0]?.[1]?.aborted).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(await read).toBeUndefined();
    expect(inner.read.mock.calls[0]?.[1]?.aborted).toBe(true);
    await store.entryOf(key).write(stored);
    expect(inner.write).not.toHaveBeenCalled();
    expect(log.mock.calls).toEqual([['warn', 'token_table_read_failed', { reason: 'timeout' }]]);
  });

  it('is not asked after three failures in a row, and is again 5 s later', async () => {
    const { inner, log, store } = setUpStore();
    inner.read.mockRejectedValue(new Error('down'));
    for (let n = 0; n < 10; n += 1) await store.entryOf(key).read();
    expect(inner.read).toHaveBeenCalledTimes(3);
    inner.read.mockResolvedValue(stored);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(await store.entryOf(key).read()).toBe(stored);
    await store.entryOf(key).write(stored);
    expect(inner.write).toHaveBeenCalledTimes(1);
    expect(log.mock.calls).toEqual([
      ['warn', 'token_table_read_failed', { reason: 'Error' }],
      ['info', 'token_table_read_recovered'],
    ]);
  });

  it('leaves the write what the read has left of 250 ms, whatever was between them', async () => {
    const { inner, log, store } = setUpStore();
    inner.read.mockImplementation(() => new Promise((resolve) => setTimeout(resolve, 240, undefined)));
    inner.write.mockReturnValue(new Promise(() => {}));
    const entry = store.entryOf(key);
    const read = entry.read();
    await jest.advanceTimersByTimeAsync(240);
    expect(await read).toBeUndefined();
    await jest.advanceTimersByTimeAsync(1_000); // the identity service
    const write = entry.write(stored);
    await jest.advanceTimersByTimeAsync(9);
    expect(inner.write.mock.calls[0]?.[2]?.aborted).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await write;
    expect(inner.write.mock.calls[0]?.[2]?.aborted).toBe(true);
    expect(log.mock.calls).toEqual([['warn', 'token_table_write_failed', { reason: 'timeout' }]]);
  });

  it('leaves the write out when the read has taken all, though others can read by then', async () => {
    const { inner, log, store } = setUpStore();
    inner.read.mockReturnValueOnce(new Promise(() => {}));
    const entry = store.entryOf(key);
    const read = entry.read();
    await jest.advanceTimersByTimeAsync(250);
    await read;
    await store.entryOf(key).read();
    await entry.write(stored);
    expect(inner.write).not.toHaveBeenCalled();
    expect(log.mock.calls.map(([, event]) => event)).toEqual(['token_table_read_failed', 'token_table_read_recovered']);
  });

  it.each([
    [3_600_000, 0],
    [-3_600_000, 1],
  ])('has neither more nor less than 250 ms when the clock is set by %i ms meanwhile', async (byMs, writes) => {
    const { inner, store } = setUpStore();
    inner.read.mockImplementation(async () => {
      jest.setSystemTime(Date.now() + byMs);
      return undefined;
    });
    inner.write.mockReturnValue(new Promise(() => {}));
    const entry = store.entryOf(key);
    await entry.read();
    const write = entry.write(stored);
    expect(inner.write).toHaveBeenCalledTimes(writes);
    await jest.advanceTimersByTimeAsync(250);
    await write;
  });

  it('reads at most 64 at a time; who waits for a turn for half of the 250 ms has a miss, which is no failure', async () => {
    const { inner, log, store } = setUpStore();
    const answer = deferred<StoredIdentity | undefined>();
    inner.read.mockReturnValueOnce(new Promise((resolve) => setTimeout(resolve, 124, stored)));
    inner.read.mockReturnValueOnce(new Promise((resolve) => setTimeout(resolve, 125, stored)));
    inner.read.mockReturnValue(answer.promise);
    const reads = Array.from({ length: 66 }, () => store.entryOf(key).read());
    await jest.advanceTimersByTimeAsync(123);
    expect(inner.read).toHaveBeenCalledTimes(64);
    await jest.advanceTimersByTimeAsync(1);
    expect(inner.read).toHaveBeenCalledTimes(65);
    await jest.advanceTimersByTimeAsync(1);
    answer.resolve(stored);
    const found = await Promise.all(reads);
    expect(inner.read).toHaveBeenCalledTimes(65);
    expect(found.filter((one) => one === undefined)).toHaveLength(1);
    expect(log).not.toHaveBeenCalled();
  });

  it('has for a read what the wait for its turn has left', async () => {
    const { inner, store } = setUpStore();
    for (let n = 0; n < 64; n += 1) {
      inner.read.mockReturnValueOnce(new Promise((resolve) => setTimeout(resolve, 100, stored)));
    }
    inner.read.mockReturnValueOnce(new Promise(() => {}));
    const reads = Array.from({ length: 65 }, () => store.entryOf(key).read());
    await jest.advanceTimersByTimeAsync(249);
    expect(inner.read.mock.calls[64]?.[1]?.aborted).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(inner.read.mock.calls[64]?.[1]?.aborted).toBe(true);
    expect(await reads[64]).toBeUndefined();
  });
});
