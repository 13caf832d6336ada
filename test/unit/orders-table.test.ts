/** What the emulator cannot be made to do: the answers of a storage that is seldom, or never, in such a state. */
import type { TableClient } from '@azure/data-tables';
import { NotFoundError } from '../../shared/errors';
import { createOrdersTable } from '../../shared/storage/orders-table';
import { createFakeClock } from '../harness/fake-clock';

type Options = { abortSignal?: AbortSignal };
type Row = { partitionKey: string; rowKey: string; orderId?: string; content: string; createdAt: Date };

const asha = { id: 'u-1', actionPackageId: 'card-orders' };
const tea = { item: 'Tea', quantity: 2 };
const conflict = Object.assign(new Error(), { code: 'EntityAlreadyExists', statusCode: 409 });
const missing = Object.assign(new Error(), { statusCode: 404 });

function setUp() {
  const written: Row[] = [];
  const client = {
    submitTransaction: jest.fn(async (actions: ['create', Row][], _?: Options) => {
      written.push(...actions.map(([, row]) => row));
    }),
    getEntity: jest.fn(async (partitionKey: string, rowKey: string, _?: Options) => {
      const row = written.find((one) => one.partitionKey === partitionKey && one.rowKey === rowKey);
      if (row === undefined) throw missing;
      return row;
    }),
    listEntities: jest.fn((_: Options) => ({
      byPage: async function* (_?: { maxPageSize?: number }): AsyncGenerator<Row[]> {
        await Promise.reject(missing);
        yield [];
      },
    })),
  };
  return {
    client,
    written,
    orders: createOrdersTable(async () => client as unknown as TableClient, createFakeClock()),
  };
}

/** The first attempt had written the rows, its answer was lost, and the SDK's second one meets them. */
function loseFirstAnswer({ client, written }: ReturnType<typeof setUp>): void {
  client.submitTransaction.mockImplementationOnce(async (actions) => {
    written.push(...actions.map(([, row]) => row));
    throw conflict;
  });
}

it.each([undefined, 'key-1'])('takes a repeat by the SDK for the first result (key: %s)', async (key) => {
  const setup = setUp();
  loseFirstAnswer(setup);
  const { order, replayed } = await setup.orders.create(asha, tea, key);
  expect([order, replayed]).toMatchObject([tea, false]);
  expect(await setup.orders.find(asha, order.id)).toEqual(order);
});

it('is not found when the order of an Idempotency-Key has been deleted since', async () => {
  const { client, written, orders } = setUp();
  await orders.create(asha, tea, 'key-1');
  written.splice(
    written.findIndex(({ rowKey }) => rowKey.startsWith('order-')),
    1,
  );
  client.submitTransaction.mockRejectedValueOnce(conflict);
  await expect(orders.create(asha, tea, 'key-1')).rejects.toThrow(
    new NotFoundError('The order that this Idempotency-Key made no longer exists.'),
  );
});

it('reads of a table that has no end one row more than a page, which tells that there is a next', async () => {
  const { client, orders, written } = setUp();
  await orders.create(asha, tea);
  let read = 0;
  client.listEntities.mockImplementationOnce(() => ({
    byPage: async function* ({ maxPageSize = 1_000 } = {}) {
      for (;;) {
        read += maxPageSize;
        yield Array(maxPageSize).fill(written[0]);
      }
    },
  }));
  const page = await orders.list(asha, { limit: 20 });
  expect([page.orders.length, page.nextCursor, read]).toEqual([20, page.orders[19]?.id, 21]);
});

it('lists nothing where there is no table yet', async () => {
  expect(await setUp().orders.list(asha, { limit: 20 })).toEqual({ orders: [] });
});

it('gives up on a storage that hangs, after 2 s of each call, whatever it is asked', async () => {
  const timeout = jest.spyOn(AbortSignal, 'timeout');
  const { client, orders } = setUp();
  const { order } = await orders.create(asha, tea, 'key-1');
  await orders.find(asha, order.id);
  await orders.list(asha, { limit: 20 });
  client.submitTransaction.mockRejectedValueOnce(conflict);
  await orders.create(asha, tea, 'key-1');
  expect(timeout.mock.calls).toEqual([[2_000], [2_000], [2_000], [2_000]]);
  const [creating, finding, listing, repeating] = timeout.mock.results.map(({ value }) => value);
  expect(client.submitTransaction.mock.calls.map(([, options]) => options?.abortSignal)).toEqual([creating, repeating]);
  expect(client.getEntity.mock.calls.map(([, , options]) => options?.abortSignal)).toEqual([
    finding,
    repeating,
    repeating,
  ]);
  expect(client.listEntities.mock.calls.map(([options]) => options.abortSignal)).toEqual([listing]);
  timeout.mockRestore();
});

it.each([
  ['no connection', Object.assign(new Error(), { code: 'ECONNREFUSED' })],
  ['the deadline', Object.assign(new Error(), { name: 'AbortError' })],
  ['a storage that is busy', Object.assign(new Error(), { statusCode: 503 })],
  ['a storage that refuses', Object.assign(new Error(), { statusCode: 403 })],
])('takes %s for an outage, whatever is asked', async (_, cause) => {
  const { client, orders } = setUp();
  client.submitTransaction.mockRejectedValueOnce(cause);
  client.getEntity.mockRejectedValueOnce(cause);
  client.listEntities.mockImplementationOnce(() => ({
    byPage: async function* () {
      await Promise.reject(cause);
      yield [];
    },
  }));
  const outage = { code: 'storage_unavailable', cause };
  await expect(orders.create(asha, tea)).rejects.toMatchObject(outage);
  await expect(orders.find(asha, 'x')).rejects.toMatchObject(outage);
  await expect(orders.list(asha, { limit: 1 })).rejects.toMatchObject(outage);
});

it('keeps owners apart whose card and id make the same text', async () => {
  const { written, orders } = setUp();
  await orders.create({ actionPackageId: 'ab', id: 'c' }, tea);
  await orders.create({ actionPackageId: 'a', id: 'bc' }, tea);
  expect(new Set(written.map(({ partitionKey }) => partitionKey)).size).toBe(2);
});

it.each([
  ['a bug', new TypeError('bug')],
  ['a row that is not ours', new SyntaxError('content')],
  ['a request that is wrong', Object.assign(new Error(), { statusCode: 400 })],
  ['a request that is too large', Object.assign(new Error(), { statusCode: 413 })],
])('does not take %s for an outage', async (_, error) => {
  const { client, orders } = setUp();
  client.submitTransaction.mockRejectedValueOnce(error);
  await expect(orders.create(asha, tea)).rejects.toBe(error);
});
