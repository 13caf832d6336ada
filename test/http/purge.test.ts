import { createOrdersTable } from '../../shared/storage/orders-table';
import { createOpenTable } from '../../shared/storage/table-client';
import { createTokenTable } from '../../shared/storage/token-table';
import { requireEnvironment, startApp } from '../harness/app';
import { createFakeClock } from '../harness/fake-clock';
import { listRows, openTable } from '../harness/tables';

const storage = { kind: 'connection-string', connectionString: requireEnvironment('TEST_STORAGE') } as const;
const NOW = Date.UTC(2026, 0, 1);

async function fill(tableName: string, partition: string, count: number, expiresAtMs: number): Promise<void> {
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
  await fill('purge1', '0a', 250, NOW - 1);
  await fill('purge1', '0b', 1, NOW);
  await fill('purge1', '0b', 3, NOW + 1);
  const table = createTokenTable(createOpenTable(storage, 'purge1', 0), createFakeClock(NOW));
  expect(await table.purgeExpired()).toBe(251);
  const left = await listRows(openTable('purge1'));
  expect(left.map(({ expiresAt }) => (expiresAt as Date).getTime())).toEqual([NOW + 1, NOW + 1, NOW + 1]);
  expect(await table.purgeExpired()).toBe(0);
});

it('forgets an Idempotency-Key after 24 hours, and no order', async () => {
  const clock = createFakeClock(NOW);
  const orders = createOrdersTable(createOpenTable(storage, 'purge4', 0), clock);
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
  const table = createTokenTable(createOpenTable(storage, 'purge2', 0), createFakeClock(NOW));
  expect(await table.purgeExpired()).toBe(0);
  const orders = createOrdersTable(createOpenTable(storage, 'purge2', 0), createFakeClock(NOW));
  expect(await orders.purgeIdempotencyRecords()).toBe(0);
});

it('runs by the timer purge-tokens, every hour', async () => {
  const app = await startApp();
  expect(app.host.functions).toContainEqual(expect.objectContaining({ name: 'purge-tokens', schedule: '0 0 * * * *' }));
  await fill('tokencache', 'zz', 1, NOW);
  const response = await fetch(`${app.host.url}/admin/functions/purge-tokens`, {
    method: 'POST',
    body: '{"input":""}',
  });
  expect(response.status).toBe(202);
  await app.close(); // ends what is in flight
  expect((await listRows(openTable('tokencache'))).filter(({ partitionKey }) => partitionKey === 'zz')).toEqual([]);
  for (const event of ['tokens_purged', 'idempotency_records_purged']) {
    expect(app.lines.join('\n')).toMatch(new RegExp(`"event":"${event}","deleted":\\d+`));
  }
});
