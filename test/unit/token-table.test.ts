import type { TableClient } from '@azure/data-tables';
import type { TokenKey } from '../../shared/auth/token-key';
import { createTokenTable } from '../../shared/storage/token-table';
import { createFakeClock } from '../harness/fake-clock';

afterEach(() => jest.useRealTimers());

const stored = {
  identity: { id: 'u-1', name: 'Asha', phoneNumber: null, pictureUrl: null, actionPackageId: 'card-orders' },
  validatedAtMs: 0,
  expiresAtMs: 1,
};
const notFound = Object.assign(new Error(), { statusCode: 404 });

function setUp() {
  const clock = createFakeClock();
  const log = jest.fn();
  const client = { getEntity: jest.fn().mockRejectedValue(notFound), upsertEntity: jest.fn(async () => {}) };
  const table = createTokenTable(async () => client as unknown as TableClient, { clock, log });
  /** Both clocks and the timers. */
  const advance = (ms: number) => {
    clock.advance(ms);
    return jest.advanceTimersByTimeAsync(ms);
  };
  return { client, table, log, advance };
}

function keyThatSeals(bytes: number): TokenKey {
  return { id: 'ab12', seal: () => new Uint8Array(bytes), open: () => undefined };
}

it('asks for the row of the key, and replaces it, with a deadline', async () => {
  const { client, table } = setUp();
  await table.read(keyThatSeals(1));
  await table.write(keyThatSeals(1), stored);
  const options = { abortSignal: expect.any(AbortSignal) };
  expect(client.getEntity).toHaveBeenCalledWith('ab', 'ab12', options);
  const row = { partitionKey: 'ab', rowKey: 'ab12', sealed: new Uint8Array(1), expiresAt: new Date(1) };
  expect(client.upsertEntity).toHaveBeenCalledWith(row, 'Replace', options);
});

it('tells a failure from a row that is not there', async () => {
  const { client, table, log } = setUp();
  expect(await table.read(keyThatSeals(1))).toBe('miss');
  client.getEntity.mockRejectedValueOnce(Object.assign(new Error(), { statusCode: 500 }));
  expect(await table.read(keyThatSeals(1))).toBe('unavailable');
  expect(log.mock.calls).toEqual([['warn', 'token_table_read_failed', { reason: 'Error' }]]);
});

it('does not reject when a write fails', async () => {
  const { client, table, log } = setUp();
  client.upsertEntity.mockRejectedValueOnce(Object.assign(new Error('u-1'), { code: 'ECONNRESET' }));
  await table.write(keyThatSeals(1), stored);
  expect(log.mock.calls).toEqual([['warn', 'token_table_write_failed', { reason: 'ECONNRESET' }]]);
});

it('takes a read that ends late for a miss while the table has never answered, and for a failure later', async () => {
  jest.useFakeTimers();
  const { client, table, advance } = setUp();
  const hang = () => client.getEntity.mockReturnValueOnce(new Promise(() => {}));
  hang();
  const first = table.read(keyThatSeals(1));
  await advance(250);
  expect(await first).toBe('miss');
  await table.write(keyThatSeals(1), stored); // reads and writes share whether the table has ever answered
  hang();
  const second = table.read(keyThatSeals(1));
  await advance(250);
  expect(await second).toBe('unavailable');
});

it('goes on to read while only writes fail', async () => {
  const { client, table } = setUp();
  client.upsertEntity.mockRejectedValue(new Error('read-only'));
  for (let n = 0; n < 10; n += 1) await table.write(keyThatSeals(1), stored);
  expect(client.upsertEntity).toHaveBeenCalledTimes(3);
  expect(await table.read(keyThatSeals(1))).toBe('miss');
});

it('writes what one property holds, 64 KiB, and leaves out what is longer', async () => {
  const { client, table } = setUp();
  await table.write(keyThatSeals(65_537), stored);
  expect(client.upsertEntity).not.toHaveBeenCalled();
  await table.write(keyThatSeals(65_536), stored);
  expect(client.upsertEntity).toHaveBeenCalledTimes(1);
});
