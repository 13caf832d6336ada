import { createResilientStore } from '../../shared/auth/resilient-store';
import type { TokenKey } from '../../shared/auth/token-key';
import type { StoredIdentity } from '../../shared/auth/validator';

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
    return { inner, log, store: createResilientStore(inner, log) };
  }

  it('turns a failed read into a miss and a failed write into nothing', async () => {
    const { inner, log, store } = setUpStore();
    inner.write.mockRejectedValueOnce(Object.assign(new Error('u-1'), { code: 'ECONNREFUSED' }));
    await store.write(key, stored);
    inner.read.mockRejectedValueOnce(new Error('u-1'));
    expect(await store.read(key)).toBeUndefined();
    expect(log.mock.calls).toEqual([
      ['warn', 'token_table_write_failed', { reason: 'ECONNREFUSED' }],
      ['warn', 'token_table_read_failed', { reason: 'Error' }],
    ]);
  });

  it('has a word for a failure that has neither a code nor a name', async () => {
    const { inner, log, store } = setUpStore();
    inner.read.mockRejectedValueOnce('u-1');
    expect(await store.read(key)).toBeUndefined();
    expect(log.mock.calls).toEqual([['warn', 'token_table_read_failed', { reason: 'unknown' }]]);
  });

  it('gives up a read that hangs after 250 ms, aborts it, and then leaves the write out', async () => {
    const { inner, log, store } = setUpStore();
    inner.read.mockReturnValueOnce(new Promise(() => {}));
    const read = store.read(key);
    await jest.advanceTimersByTimeAsync(249);
    expect(inner.read.mock.calls[0]?.[1]?.aborted).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(await read).toBeUndefined();
    expect(inner.read.mock.calls[0]?.[1]?.aborted).toBe(true);
    await store.write(key, stored);
    expect(inner.write).not.toHaveBeenCalled();
    expect(log.mock.calls).toEqual([['warn', 'token_table_read_failed', { reason: 'timeout' }]]);
  });

  it('is not asked after three failures in a row, and is again 5 s later', async () => {
    const { inner, log, store } = setUpStore();
    inner.read.mockRejectedValue(new Error('down'));
    for (let n = 0; n < 10; n += 1) await store.read(key);
    expect(inner.read).toHaveBeenCalledTimes(3);
    inner.read.mockResolvedValue(stored);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(await store.read(key)).toBe(stored);
    await store.write(key, stored);
    expect(inner.write).toHaveBeenCalledTimes(1);
    expect(log.mock.calls).toEqual([
      ['warn', 'token_table_read_failed', { reason: 'Error' }],
      ['info', 'token_table_read_recovered'],
    ]);
  });
});
