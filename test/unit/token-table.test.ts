import type { TableClient } from '@azure/data-tables';
import type { TokenKey } from '../../shared/auth/token-key';
import { createTokenTable } from '../../shared/storage/token-table';
import { createFakeClock } from '../harness/fake-clock';

const { signal } = new AbortController();
const stored = {
  identity: { id: 'u-1', name: 'Asha', phoneNumber: null, pictureUrl: null, actionPackageId: 'card-orders' },
  validatedAtMs: 0,
  expiresAtMs: 1,
};
const notFound = Object.assign(new Error(), { statusCode: 404 });

function setUp(rows: { partitionKey: string; rowKey: string }[] = []) {
  const client = {
    getEntity: jest.fn().mockRejectedValue(notFound),
    upsertEntity: jest.fn(async () => {}),
    submitTransaction: jest.fn(async (_actions: object[], _?: object) => {}),
    listEntities: jest.fn((_: { abortSignal?: AbortSignal; queryOptions?: object }) => ({
      byPage: async function* () {
        yield rows.splice(0);
      },
    })),
  };
  return { client, table: createTokenTable(async () => client as unknown as TableClient, createFakeClock()) };
}

function keyThatSeals(bytes: number): TokenKey {
  return { id: 'ab12', seal: () => new Uint8Array(bytes), open: () => undefined };
}

it("passes on the caller's deadline, and replaces what was there", async () => {
  const { client, table } = setUp();
  await table.read(keyThatSeals(1), signal);
  await table.write(keyThatSeals(1), stored, signal);
  expect(client.getEntity).toHaveBeenCalledWith('ab', 'ab12', { abortSignal: signal });
  expect(client.upsertEntity).toHaveBeenCalledWith(expect.anything(), 'Replace', { abortSignal: signal });
});

it('tells a failure from a row that is not there', async () => {
  const { client, table } = setUp();
  expect(await table.read(keyThatSeals(1), signal)).toBeUndefined();
  const failure = Object.assign(new Error(), { statusCode: 500 });
  client.getEntity.mockRejectedValueOnce(failure);
  await expect(table.read(keyThatSeals(1), signal)).rejects.toBe(failure);
});

it('writes what one property holds, 64 KiB, and leaves out what is longer', async () => {
  const { client, table } = setUp();
  await table.write(keyThatSeals(65_537), stored, signal);
  expect(client.upsertEntity).not.toHaveBeenCalled();
  await table.write(keyThatSeals(65_536), stored, signal);
  expect(client.upsertEntity).toHaveBeenCalledTimes(1);
});

it('purges on when somebody else has deleted a row of a batch, and counts its own only', async () => {
  const { client, table } = setUp(['a', 'b', 'b'].map((partitionKey, n) => ({ partitionKey, rowKey: `${n}` })));
  client.submitTransaction.mockRejectedValueOnce(notFound);
  expect(await table.purgeExpired()).toBe(2);
});

it('purges up to 100 rows of a partition at a time, and reads nothing but their keys', async () => {
  const { client, table } = setUp(
    [...Array(251).keys()].map((n) => ({ partitionKey: n < 250 ? 'a' : 'b', rowKey: `${n}` })),
  );
  expect(await table.purgeExpired()).toBe(251);
  const batches = client.submitTransaction.mock.calls.map(([actions]) => actions.length);
  expect(batches).toEqual([100, 100, 50, 1]);
  for (const [{ queryOptions }] of client.listEntities.mock.calls) {
    expect(queryOptions).toMatchObject({ select: ['partitionKey', 'rowKey'] });
  }
});

it.each(['listing', 'deleting'])('tells that the table fails, in %s', async (step) => {
  const { client, table } = setUp([{ partitionKey: 'a', rowKey: '0' }]);
  const failure = Object.assign(new Error(), { statusCode: 500 });
  client.submitTransaction.mockRejectedValueOnce(failure);
  if (step === 'listing') {
    client.listEntities.mockImplementationOnce(() => {
      throw failure;
    });
  }
  await expect(table.purgeExpired()).rejects.toBe(failure);
});

it('gives up on a table that hangs, after 90 s', async () => {
  const timeout = jest.spyOn(AbortSignal, 'timeout');
  const { client, table } = setUp([{ partitionKey: 'a', rowKey: '0' }]);
  await table.purgeExpired();
  expect(timeout.mock.calls).toEqual([[90_000]]);
  const abortSignal = timeout.mock.results[0]?.value;
  expect(client.listEntities.mock.calls[0]?.[0].abortSignal).toBe(abortSignal);
  expect(client.submitTransaction).toHaveBeenCalledWith(expect.anything(), { abortSignal });
  timeout.mockRestore();
});
