import type { TableClient } from '@azure/data-tables';
import { purgeRows } from '../../shared/storage/purge';

const HOUR_MS = 3_600_000;

/** A table that answers one row a page, in the order of the partitions, and takes 20 s for each look at the clock. */
function setUp(...partitions: string[]) {
  const rows = new Set(partitions);
  const client = {
    listEntities: ({ queryOptions }: { queryOptions: { filter: string } }) => ({
      byPage: async function* () {
        const [, operator, start = ''] = /^PartitionKey (ge|lt) '(..)' and expired$/.exec(queryOptions.filter) ?? [];
        const isIn = (partition: string) => (operator === 'ge' ? partition >= start : partition < start);
        for (const partitionKey of [...rows].filter(isIn).sort()) yield [{ partitionKey, rowKey: '' }];
      },
    }),
    submitTransaction: async (actions: ['delete', { partitionKey: string }][]) => {
      for (const [, { partitionKey }] of actions) rows.delete(partitionKey);
    },
  };
  const purgeAt = (hour: number) => {
    let nowMs = hour * HOUR_MS;
    const clock = () => {
      nowMs += 20_000;
      return nowMs;
    };
    return purgeRows(client as unknown as TableClient, 'expired', clock);
  };
  return { rows, purgeAt };
}

it('ends after a minute, and leaves the rest', async () => {
  const { rows, purgeAt } = setUp('00', '01', '02', '03', '04');
  expect(await purgeAt(0)).toBe(2);
  expect([...rows]).toEqual(['02', '03', '04']);
});

it('goes round: each row is looked at, wherever it begins', async () => {
  const { rows, purgeAt } = setUp('20', 'e0');
  expect(await purgeAt(1)).toBe(2);
  expect([...rows]).toEqual([]);
});

it.each(['00', 'ff'])('leaves no part for good, however much expires every hour in that of %s', async (busy) => {
  const quiet = busy === '00' ? 'ff' : '00';
  const { rows, purgeAt } = setUp(quiet);
  for (let hour = 1; hour <= 256; hour += 1) {
    for (const digit of '0123456789abcdef') rows.add(busy.charAt(0) + digit);
    await purgeAt(hour);
  }
  expect([...rows]).not.toContain(quiet);
});
