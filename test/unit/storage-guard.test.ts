import { createClock } from '../../shared/clock';
import { createGuard } from '../../shared/storage/guard';
import { deferred } from '../harness/deferred';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** @param isWarm whether an operation on the table has succeeded before */
function setUp({ isWarm = true } = {}) {
  let lagMs = 0;
  const clock = createClock(
    () => Date.now(),
    () => performance.now() + lagMs,
  );
  const log = jest.fn();
  const table = { isWarm };
  const guard = createGuard('token_table_read', { clock, log, table });
  return {
    log,
    table,
    guard,
    other: createGuard('token_table_write', { clock, log, table }),
    read: (result = 'row') => guard(async () => result),
    fail: (error: unknown = new Error('u-1')) => guard(() => Promise.reject(error)),
    /** An operation that ends with its timeout, whose timer fires `lateMs` too late. */
    async hang(lateMs = 0, run = guard) {
      const operation = jest.fn((_signal: AbortSignal) => new Promise<never>(() => {}));
      const result = run(operation);
      lagMs += lateMs;
      await jest.advanceTimersByTimeAsync(250);
      return result;
    },
  };
}

const failed = (reason: string) => ['warn', 'token_table_read_failed', { reason }];
const recovered = ['info', 'token_table_read_recovered'];

it('gives the result of an operation', async () => {
  const { read, log } = setUp();
  expect(await read()).toBe('row');
  expect(log).not.toHaveBeenCalled();
});

describe('a failure', () => {
  it.each<[string, unknown, string]>([
    ['a code', Object.assign(new Error('u-1'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    ['a class', new RangeError('u-1'), 'RangeError'],
    ['neither', 'u-1', 'unknown'],
  ])('is unavailable, and logged without its message: with %s', async (_, error, reason) => {
    const { fail, log } = setUp();
    expect(await fail(error)).toBe('unavailable');
    expect(log.mock.calls).toEqual([failed(reason)]);
  });

  it('counts also while the table is not warm', async () => {
    const { fail, guard } = setUp({ isWarm: false });
    for (let n = 0; n < 3; n += 1) await fail();
    const operation = jest.fn(async () => 'row');
    expect(await guard(operation)).toBe('unavailable');
    expect(operation).not.toHaveBeenCalled();
  });
});

describe('an operation that hangs', () => {
  it('is aborted and unavailable after 250 ms', async () => {
    const { guard, log } = setUp();
    const operation = jest.fn((_signal: AbortSignal) => new Promise<never>(() => {}));
    const settled = jest.fn();
    const result = guard(operation).finally(settled);
    await jest.advanceTimersByTimeAsync(249);
    expect([settled.mock.calls.length, operation.mock.calls[0]?.[0].aborted]).toEqual([0, false]);
    await jest.advanceTimersByTimeAsync(1);
    expect([await result, operation.mock.calls[0]?.[0].aborted]).toEqual(['unavailable', true]);
    expect(log.mock.calls).toEqual([failed('timeout')]);
  });

  it.each([3_600_000, -3_600_000])(
    'ends neither earlier nor later when the wall clock is set by %i ms',
    async (byMs) => {
      const { guard } = setUp();
      const result = guard(() => new Promise<never>(() => {}));
      jest.setSystemTime(Date.now() + byMs);
      await jest.advanceTimersByTimeAsync(250);
      expect(await result).toBe('unavailable');
    },
  );

  it.each([
    [50, 'late', 0],
    [49, 'unavailable', 1],
  ] as const)('with a timer that is %i ms late is %s', async (lateMs, result, lines) => {
    const { hang, log } = setUp();
    expect(await hang(lateMs)).toBe(result);
    expect(log).toHaveBeenCalledTimes(lines);
  });

  it('is late, and not a failure, before the table is warm', async () => {
    const { hang, read, log } = setUp({ isWarm: false });
    for (let n = 0; n < 10; n += 1) expect(await hang()).toBe('late');
    expect(await read()).toBe('row');
    expect(log).not.toHaveBeenCalled();
  });

  it('is a failure once any guard of the table has had a success', async () => {
    const { hang, read, other } = setUp({ isWarm: false });
    expect(await hang(0, other)).toBe('late');
    await read();
    expect(await hang(0, other)).toBe('unavailable');
  });

  it('is a failure 10 s after the first one, so that a table that never answers is skipped in the end', async () => {
    const { hang, guard } = setUp({ isWarm: false });
    const first = hang();
    await jest.advanceTimersByTimeAsync(9_749 - 250);
    const endsAt9999 = guard(() => new Promise<never>(() => {}));
    await jest.advanceTimersByTimeAsync(1);
    const endsAt10000 = guard(() => new Promise<never>(() => {}));
    await jest.advanceTimersByTimeAsync(250);
    expect(await Promise.all([first, endsAt9999, endsAt10000])).toEqual(['late', 'late', 'unavailable']);
    for (let n = 0; n < 2; n += 1) expect(await hang()).toBe('unavailable');
    const operation = jest.fn(async () => 'row');
    expect(await guard(operation)).toBe('unavailable');
    expect(operation).not.toHaveBeenCalled();
  });
});

describe('skips', () => {
  it('operations after three failures in a row, for 5 s', async () => {
    const { fail, guard, log } = setUp();
    for (let n = 0; n < 3; n += 1) await fail();
    const operation = jest.fn(async () => 'row');
    await jest.advanceTimersByTimeAsync(4_999);
    expect(await guard(operation)).toBe('unavailable');
    expect(operation).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    expect(await guard(operation)).toBe('row');
    expect(await guard(operation)).toBe('row');
    expect(log.mock.calls).toEqual([failed('Error'), recovered]);
  });

  it('none while operations succeed in between, or are late', async () => {
    const { fail, read, hang } = setUp();
    for (let n = 0; n < 10; n += 1) {
      await fail();
      await fail();
      await read();
    }
    await fail();
    await fail();
    for (let n = 0; n < 10; n += 1) await hang(50);
    expect(await read()).toBe('row');
  });

  it('for another 5 s when the one that finds out fails, too', async () => {
    const { fail, read } = setUp();
    for (let n = 0; n < 3; n += 1) await fail();
    await jest.advanceTimersByTimeAsync(5_000);
    await fail();
    await jest.advanceTimersByTimeAsync(4_999);
    expect(await read()).toBe('unavailable');
    await jest.advanceTimersByTimeAsync(1);
    expect(await read()).toBe('row');
  });

  it('all others while one operation finds out whether the table is back', async () => {
    const { fail, read, guard } = setUp();
    for (let n = 0; n < 3; n += 1) await fail();
    await jest.advanceTimersByTimeAsync(5_000);
    const answer = deferred<string>();
    const probe = guard(() => answer.promise);
    expect(await read()).toBe('unavailable');
    answer.resolve('row');
    expect(await probe).toBe('row');
    expect(await read()).toBe('row');
  });

  it('finds out again at once when the operation that found out was late', async () => {
    const { fail, hang, read } = setUp();
    for (let n = 0; n < 3; n += 1) await fail();
    await jest.advanceTimersByTimeAsync(5_000);
    expect(await hang(50)).toBe('late');
    expect(await read()).toBe('row');
  });

  it('no operations of another guard of the same table', async () => {
    const { fail, other } = setUp();
    for (let n = 0; n < 3; n += 1) await fail();
    expect(await other(async () => 'row')).toBe('row');
  });

  it('for 5 s also when somebody sets the wall clock', async () => {
    const { fail, read } = setUp();
    for (let n = 0; n < 3; n += 1) await fail();
    jest.setSystemTime(Date.now() - 3_600_000);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(await read()).toBe('row');
  });
});

it('logs one line while every other operation fails, and another when none has failed for 2.5 s', async () => {
  const { fail, read, log } = setUp();
  for (let n = 0; n < 10; n += 1) {
    await fail();
    await read();
  }
  await jest.advanceTimersByTimeAsync(2_499);
  await read();
  expect(log.mock.calls).toEqual([failed('Error')]);
  await jest.advanceTimersByTimeAsync(1);
  await read();
  await read();
  expect(log.mock.calls.slice(1)).toEqual([recovered]);
  await fail();
  expect(log.mock.calls.slice(2)).toEqual([failed('Error')]);
});
