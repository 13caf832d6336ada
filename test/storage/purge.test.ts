/** The purge of tokens and of Idempotency-Keys, on a real Azurite. */
import { createOrdersTable } from '../../shared/storage/orders-table';
import { createOpenTable } from '../../shared/storage/table-client';
import { createTokenTable } from '../../shared/storage/token-table';
import { requireEnvironment } from '../harness/app';
import { createFakeClock } from '../harness/fake-clock';
import { listRows, newTableName, openTable } from '../harness/tables';

const storage = { kind: 'connection-string', connectionString: requireEnvironment('TEST_STORAGE') } as const;
const NOW = Date.UTC(2026, 0, 1);
let tableName: string;
beforeEach(() => {
  tableName = newTableName();
});

async function fill(partition: string, count: number, expiresAtMs: number): Promise<void> {
  const table = openTable(tableName);
  await table.createTable();
  for (let from = 0; from < count; from += 100) {
    const rows = [...Array(Math.min(100, count - from)).keys()].map((n) => ({
      partitionKey: partition,
      rowKey: `${partition}-${expiresAtMs}-${from + n}`,
      expiresAt: new Date(expiresAtMs),
    }));
    await table.submitTransaction(rows.map((row) => ['create', row]));
  }
}

it('deletes what has expired, over partitions and batches, and nothing else', async () => {
  await fill('0a', 250, NOW - 1);
  await fill('0b', 1, NOW);
  await fill('0b', 3, NOW + 1);
  const table = createTokenTable(createOpenTable(storage, tableName, 0), createFakeClock(NOW));
  expect(await table.purgeExpired()).toBe(251);
  const left = await listRows(openTable(tableName));
  expect(left.map(({ expiresAt }) => (expiresAt as Date).getTime())).toEqual([NOW + 1, NOW + 1, NOW + 1]);
  expect(await table.purgeExpired()).toBe(0);
});

it('forgets an Idempotency-Key after 24 hours, and no order', async () => {
  const clock = createFakeClock(NOW);
  const orders = createOrdersTable(createOpenTable(storage, tableName, 0), clock);
  const owner = { id: 'u/1', actionPackageId: 'card' };
  const create = () => orders.create(owner, { item: 'Tea', quantity: 1 }, 'key-1');
  const first = await create();
  clock.advance(24 * 3_600_000 - 1);
  expect(await orders.purgeIdempotencyRecords()).toBe(0);
  expect(await create()).toEqual({ order: first.order, replayed: true });
  clock.advance(1);
  expect(await orders.purgeIdempotencyRecords()).toBe(1);
  expect(await orders.find(owner, first.order.id)).toEqual(first.order);
  expect((await create()).replayed).toBe(false);
  expect((await orders.list(owner, { limit: 10 })).orders).toHaveLength(2);
});

it('finds nothing to do where there is no table yet', async () => {
  const openTable = createOpenTable(storage, tableName, 0);
  expect(await createTokenTable(openTable, createFakeClock(NOW)).purgeExpired()).toBe(0);
  expect(await createOrdersTable(openTable, createFakeClock(NOW)).purgeIdempotencyRecords()).toBe(0);
});
