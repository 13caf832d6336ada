/** What the hourly timer does when a table fails. */
import { app } from '@azure/functions';
import { orders, tokens } from '../../shared/services';

jest.mock('@azure/functions', () => ({ app: { timer: jest.fn() } }));
jest.mock('../../shared/services', () => ({
  tokens: { purgeExpired: jest.fn() },
  orders: { purgeIdempotencyRecords: jest.fn() },
}));

it('purges the records of keys also when the table of tokens fails, and fails then', async () => {
  jest.mocked(tokens.purgeExpired).mockRejectedValue(new Error('out of reach'));
  jest.mocked(orders.purgeIdempotencyRecords).mockResolvedValue(7);
  await import('../../functions/purge-tokens');
  const [[, { handler }]] = jest.mocked(app.timer).mock.calls as [[string, Parameters<typeof app.timer>[1]]];
  const lines: string[] = [];
  const context = { info: (line: string) => lines.push(line) };
  await expect((async () => handler({} as never, context as never))()).rejects.toThrow('out of reach');
  expect(lines).toEqual([JSON.stringify({ event: 'idempotency_records_purged', deleted: 7 })]);
});
