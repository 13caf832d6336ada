import { startApp } from '../harness/app';
import { listRows, openTable } from '../harness/tables';

it('runs by the timer purge, every hour, for each table that the app registers', async () => {
  const app = await startApp();
  expect(app.host.functions).toContainEqual(expect.objectContaining({ name: 'purge', schedule: '0 0 * * * *' }));
  const bearer = { authorization: `Bearer ${app.mint()}`, 'idempotency-key': 'key-1' };
  expect((await app.post('/api/notes', { item: 'Tea', quantity: 1 }, bearer)).status).toBe(201);
  const [tokens, notes] = [openTable('tokencache'), openTable('notes')];
  await tokens.createEntity({ partitionKey: 'ff', rowKey: 'expired', expiresAt: new Date(0) });
  await notes.createEntity({ partitionKey: 'ff', rowKey: 'key-expired', createdAt: new Date(0) });
  const response = await fetch(`${app.host.url}/admin/functions/purge`, { method: 'POST', body: '{"input":""}' });
  expect(response.status).toBe(202);
  await app.close(); // ends what is in flight
  for (const table of [tokens, notes]) {
    expect((await listRows(table)).filter(({ rowKey }) => /expired$/.test(String(rowKey)))).toEqual([]);
  }
  expect((await listRows(notes)).map(({ userId }) => userId)).toContain('7d2f1c5e-0001-4000-8000-000000000001');
  for (const table of ['tokencache', 'notes']) {
    expect(app.lines.join('\n')).toMatch(new RegExp(`"event":"rows_purged","table":"${table}","deleted":[1-9]`));
  }
});
