import type { TableClient } from '@azure/data-tables';
import { Problem } from '../../shared/problem';
import { createCheckStorage } from '../../shared/storage/storage-health';
import { createFakeClock } from '../harness/fake-clock';

function setUp() {
  const clock = createFakeClock();
  const getEntity = jest.fn<Promise<object>, [string, string, { abortSignal: AbortSignal }]>(async () => ({}));
  const check = createCheckStorage(async () => ({ getEntity }) as unknown as TableClient, clock);
  return { clock, getEntity, check };
}

it('asks at most once a second, and remembers a failure no longer than a success', async () => {
  const { clock, getEntity, check } = setUp();
  getEntity.mockRejectedValueOnce(new Error('down'));
  const both = await Promise.allSettled([check(), check()]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  clock.advance(999);
  await expect(check()).rejects.toThrow(Problem);
  expect(getEntity).toHaveBeenCalledTimes(1);
  clock.advance(1);
  await check();
  expect(getEntity).toHaveBeenCalledTimes(2);
});

it('takes it for an answer that there is no such row, and keeps any other error for the log', async () => {
  const { clock, getEntity, check } = setUp();
  getEntity.mockRejectedValueOnce(Object.assign(new Error(), { statusCode: 404 }));
  await check();
  clock.advance(1_000);
  const cause = Object.assign(new Error(), { statusCode: 403 });
  getEntity.mockRejectedValueOnce(cause);
  await expect(check()).rejects.toMatchObject({ code: 'storage_unavailable', cause });
});

it('asks again after a second, neither earlier nor later, when somebody sets the wall clock', async () => {
  const { clock, getEntity, check } = setUp();
  await check();
  clock.moveWall(3_600_000);
  await check();
  expect(getEntity).toHaveBeenCalledTimes(1);
  clock.moveWall(-7_200_000);
  clock.advance(1_000);
  getEntity.mockRejectedValueOnce(new Error('down'));
  await expect(check()).rejects.toThrow(Problem);
});

it('gives up after a second, and aborts the request', async () => {
  jest.useFakeTimers();
  const { getEntity, check } = setUp();
  getEntity.mockReturnValueOnce(new Promise(() => {}));
  const settled = jest.fn();
  const checked = check().catch(settled);
  await jest.advanceTimersByTimeAsync(999);
  expect([settled.mock.calls.length, getEntity.mock.calls[0]?.[2].abortSignal.aborted]).toEqual([0, false]);
  await jest.advanceTimersByTimeAsync(1);
  await checked;
  expect(settled.mock.calls[0]?.[0]).toMatchObject({ code: 'storage_unavailable' });
  expect(getEntity.mock.calls[0]?.[2].abortSignal.aborted).toBe(true);
  jest.useRealTimers();
});
