/** What the hourly timer does when a table fails. */
import { app } from '@azure/functions';
import { purgeables } from '../../shared/services';

jest.mock('@azure/functions', () => ({ app: { timer: jest.fn() } }));
jest.mock('../../shared/services', () => ({
  purgeables: [
    { table: 'first', purge: () => Promise.reject(new Error('out of reach')) },
    { table: 'second', purge: async () => 7 },
  ],
}));

it('purges the other tables also when one fails, and fails then', async () => {
  expect(purgeables).toHaveLength(2);
  await import('../../functions/purge');
  const [[, { handler }]] = jest.mocked(app.timer).mock.calls as [[string, Parameters<typeof app.timer>[1]]];
  const lines: string[] = [];
  const context = { info: (line: string) => lines.push(line) };
  await expect((async () => handler({} as never, context as never))()).rejects.toThrow('out of reach');
  expect(lines).toEqual([JSON.stringify({ event: 'rows_purged', table: 'second', deleted: 7 })]);
});
