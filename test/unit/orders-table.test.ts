/** What the emulator cannot be made to do: the answers of a storage that is seldom, or never, in such a state. */
import type { TableClient } from '@azure/data-tables';
import { NotFoundError } from '../../shared/errors';
import { createOrdersTable } from '../../shared/storage/orders-table';
import { createFakeClock } from '../harness/fake-clock';

type Row = { partitionKey: string; rowKey: string; orderId?: string; content: string; createdAt: Date };

const asha = { id: 'u-1', actionPackageId: 'card-orders' };
const tea = { item: 'Tea', quantity: 2 };
const conflict = Object.assign(new Error(), { code: 'EntityAlreadyExists', statusCode: 409 });
const missing = Object.assign(new Error(), { statusCode: 404 });

function setUp() {
  const written: Row[] = [];
  const client = {
    submitTransaction: jest.fn(async (actions: ['create', Row][]) => {
      written.push(...actions.map(([, row]) => row));
    }),
    getEntity: jest.fn(async (partitionKey: string, rowKey: string) => {
      const row = written.find((one) => one.partitionKey === partitionKey && one.rowKey === rowKey);
      if (row === undefined) throw missing;
      return row;
    }),
    listEntities: () => ({
      byPage: async function* (): AsyncGenerator<Row[]> {
        await Promise.reject(missing);
        yield [];
      },
    }),
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
  await expect(orders.create(asha, tea, 'key-1')).rejects.toThrow(NotFoundError);
});

it('lists nothing where there is no table yet', async () => {
  expect(await setUp().orders.list(asha, { limit: 20 })).toEqual({ orders: [] });
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
