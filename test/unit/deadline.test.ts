import { withDeadline } from '../../shared/deadline';
import { deferred } from '../harness/deferred';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const never = () => new Promise<never>(() => {});

it('gives the result of an operation that ends in time, leaves no timer, and does not abort it', async () => {
  const operation = jest.fn(async (_signal: AbortSignal) => 'result');
  const onTimeout = jest.fn();
  expect(await withDeadline(100, operation, onTimeout)).toBe('result');
  expect(jest.getTimerCount()).toBe(0);
  await jest.advanceTimersByTimeAsync(1_000);
  expect(onTimeout).not.toHaveBeenCalled();
  expect(operation.mock.calls[0]?.[0].aborted).toBe(false);
});

it.each([
  ['rejects', () => Promise.reject(new Error('down'))],
  [
    'throws',
    () => {
      throw new Error('down');
    },
  ],
])('passes on the failure of an operation that %s in time, and leaves no timer', async (_, operation) => {
  await expect(withDeadline(100, operation, () => 'late')).rejects.toThrow('down');
  expect(jest.getTimerCount()).toBe(0);
});

it('answers with onTimeout exactly after the time, and aborts the operation', async () => {
  const operation = jest.fn((_signal: AbortSignal) => never());
  const settled = jest.fn();
  const result = withDeadline(100, operation, () => 'late').finally(settled);
  await jest.advanceTimersByTimeAsync(99);
  expect([settled.mock.calls.length, operation.mock.calls[0]?.[0].aborted]).toEqual([0, false]);
  await jest.advanceTimersByTimeAsync(1);
  expect([await result, operation.mock.calls[0]?.[0].aborted]).toEqual(['late', true]);
});

it.each([
  ['answers', () => 'late'],
  ['answers later', () => new Promise<string>((resolve) => setTimeout(resolve, 50, 'late'))],
])('lets onTimeout decide when it %s, although the abort makes the operation fail at once', async (_, onTimeout) => {
  const operation = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const result = withDeadline(100, operation, onTimeout);
  await jest.advanceTimersByTimeAsync(150);
  expect(await result).toBe('late');
});

it('fails with what onTimeout throws', async () => {
  const result = withDeadline(100, never, () => {
    throw new Error('timeout');
  });
  const failed = expect(result).rejects.toThrow('timeout');
  await jest.advanceTimersByTimeAsync(100);
  await failed;
});

it('lets onTimeout wait for what the aborted operation gives', async () => {
  const operation = (signal: AbortSignal) =>
    new Promise<string>((resolve) => signal.addEventListener('abort', () => resolve('what it knew')));
  const result = withDeadline(100, operation, (late) => late);
  await jest.advanceTimersByTimeAsync(100);
  expect(await result).toBe('what it knew');
});

it('drops a result that is late, and a failure that is late is not unhandled', async () => {
  jest.useRealTimers();
  const unhandled = jest.fn();
  process.on('unhandledRejection', unhandled);
  const late = [deferred<string>(), deferred<string>()] as const;
  const results = await Promise.all(
    late.map(({ promise }) =>
      withDeadline(
        1,
        () => promise,
        () => 'late',
      ),
    ),
  );
  late[0].resolve('result');
  late[1].reject(new Error('down'));
  await new Promise(setImmediate);
  process.off('unhandledRejection', unhandled);
  expect(results).toEqual(['late', 'late']);
  expect(unhandled).not.toHaveBeenCalled();
});
