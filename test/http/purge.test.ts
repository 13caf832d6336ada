import { startApp } from '../harness/app';
import { listRows, openTable } from '../harness/tables';

it('runs by the timer purge-tokens, every hour', async () => {
  const app = await startApp();
  expect(app.host.functions).toContainEqual(expect.objectContaining({ name: 'purge-tokens', schedule: '0 0 * * * *' }));
  const table = openTable('tokencache');
  await table.createTable();
  await table.createEntity({ partitionKey: 'zz', rowKey: 'expired', expiresAt: new Date(0) });
  const response = await fetch(`${app.host.url}/admin/functions/purge-tokens`, {
    method: 'POST',
    body: '{"input":""}',
  });
  expect(response.status).toBe(202);
  await app.close(); // ends what is in flight
  expect((await listRows(table)).filter(({ partitionKey }) => partitionKey === 'zz')).toEqual([]);
  for (const event of ['tokens_purged', 'idempotency_records_purged']) {
    expect(app.lines.join('\n')).toMatch(new RegExp(`"event":"${event}","deleted":\\d+`));
  }
});
