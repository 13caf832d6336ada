import type { TableClient } from '@azure/data-tables';
import { StorageUnavailableError } from '../../shared/errors';
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
  await expect(check()).rejects.toThrow(StorageUnavailableError);
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

it('gives up after a second', async () => {
  const timeout = jest.spyOn(AbortSignal, 'timeout');
  const { getEntity, check } = setUp();
  await check();
  expect(timeout.mock.calls).toEqual([[1_000]]);
  expect(getEntity.mock.calls[0]?.[2].abortSignal).toBe(timeout.mock.results[0]?.value);
  timeout.mockRestore();
});
