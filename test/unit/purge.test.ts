import type { TableClient } from '@azure/data-tables';
import { purgeRows } from '../../shared/storage/purge';
import { deferred } from '../harness/deferred';
import { createFakeClock, type FakeClock } from '../harness/fake-clock';

const HOUR_MS = 3_600_000;

/** A table that answers all rows in one page, in the order of the partitions. Each deletion takes 25 s. */
function setUp(clock: FakeClock, ...partitions: string[]) {
  const rows = new Set(partitions);
  const client = {
    listEntities: ({ queryOptions }: { queryOptions: { filter: string } }) => ({
      byPage: async function* () {
        const [, from = ''] = /PartitionKey ge '(..)'/.exec(queryOptions.filter) ?? [];
        const [, to = '~'] = /PartitionKey lt '(..)'/.exec(queryOptions.filter) ?? [];
        const some = [...rows].filter((one) => one >= from && one < to).sort();
        yield some.map((partitionKey) => ({ partitionKey, rowKey: '', etag: 'etag' }));
      },
    }),
    deleteEntity: jest.fn(async (partitionKey: string, _rowKey: string, options: { abortSignal: AbortSignal }) => {
      await new Promise((resolve) => setTimeout(resolve, 25_000));
      options.abortSignal.throwIfAborted();
      rows.delete(partitionKey);
    }),
  };
  function purge(): Promise<unknown> {
    const purging = purgeRows(client as unknown as TableClient, 'expired', clock);
    return Promise.race([purging, jest.advanceTimersByTimeAsync(60_000).then(() => 'goes on after a minute')]);
  }
  return { rows, client, purge };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

it('ends after a minute, and leaves the rest', async () => {
  const { rows, client, purge } = setUp(createFakeClock(0), '00', '01', '02', '03', '04');
  expect(await purge()).toBe(2);
  await jest.advanceTimersByTimeAsync(60_000);
  expect([...rows]).toEqual(['02', '03', '04']);
  expect(client.deleteEntity).toHaveBeenCalledTimes(3);
});

it('leaves no part for good, however much expires every hour in the others', async () => {
  const clock = createFakeClock(0);
  const { rows, purge } = setUp(clock, '07');
  for (let hour = 1; hour <= 8; hour += 1) {
    for (const digit of '0123456') rows.add(`0${digit}`);
    clock.advance(HOUR_MS);
    await purge();
  }
  expect([...rows]).not.toContain('07');
});

it('deletes in parallel, at most 33 rows at once', async () => {
  const partitions = [...Array(256).keys()].map((n) => n.toString(16).padStart(2, '0'));
  const { client, purge } = setUp(createFakeClock(0), ...partitions);
  const release = deferred();
  let most = 0;
  let current = 0;
  client.deleteEntity.mockImplementation(async () => {
    current += 1;
    most = Math.max(most, current);
    if (current === 32) release.resolve();
    await release.promise;
    current -= 1;
  });
  expect(await purge()).toBe(256);
  expect(most).toBeGreaterThanOrEqual(32);
  expect(most).toBeLessThanOrEqual(33);
});

it('purges the other parts when one fails, and fails then', async () => {
  const { rows, client, purge } = setUp(createFakeClock(0), '00', '80');
  client.deleteEntity.mockRejectedValueOnce(new Error('out of reach'));
  await expect(purge()).rejects.toThrow('out of reach');
  expect([...rows]).toEqual(['00']);
});
