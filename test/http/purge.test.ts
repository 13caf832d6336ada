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

it('finds nothing to do where there is no table yet', async () => {
  const table = createTokenTable(createOpenTable(storage, 'purge2', 0), createFakeClock(NOW));
  expect(await table.purgeExpired()).toBe(0);
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
  expect(app.lines.some((line) => /"event":"tokens_purged","deleted":\d+/.test(line))).toBe(true);
});
