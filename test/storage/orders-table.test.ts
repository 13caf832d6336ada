/** The store of orders, on a real Azurite. */
import { randomUUID } from 'node:crypto';
import { IdempotencyKeyReusedError } from '../../shared/errors';
import type { NewOrder, OrderOwner } from '../../shared/order';
import { createOrdersTable } from '../../shared/storage/orders-table';
import { createOpenTable } from '../../shared/storage/table-client';
import { requireEnvironment } from '../harness/app';
import { createFakeClock } from '../harness/fake-clock';
import { listRows, newTableName, openTable } from '../harness/tables';

const storage = { kind: 'connection-string', connectionString: requireEnvironment('TEST_STORAGE') } as const;
const NOW = Date.UTC(2026, 0, 1);
const tea = { item: 'Tea', quantity: 2 };
const tableName = newTableName();
const clock = createFakeClock(NOW);
const orders = createOrdersTable(createOpenTable(storage, tableName, 0), clock);
let owner: OrderOwner;
beforeEach(() => {
  owner = { id: randomUUID(), actionPackageId: 'card-orders' };
});

async function placeOneASecond(count: number): Promise<string[]> {
  const newestFirst: string[] = [];
  for (let n = 0; n < count; n += 1) {
    newestFirst.unshift((await orders.create(owner, tea)).order.id);
    clock.advance(1_000);
  }
  return newestFirst;
}

it.each([
  ['odd characters', 'a\u2028/#?\u0000é😀'],
  ['40,000 characters', 'x'.repeat(40_000)],
])('keeps the orders of a user and in a card whose ids have %s', async (_, id) => {
  const odd = { id, actionPackageId: `card ${id}` };
  const { order } = await orders.create(odd, tea, 'key');
  expect(await orders.find(odd, order.id)).toEqual(order);
  expect((await orders.create(odd, tea, 'key')).replayed).toBe(true);
  expect(await orders.find({ ...odd, id: `${id}x` }, order.id)).toBeUndefined();
});

it.each<[string, NewOrder]>([
  ['the least', tea],
  ['a note', { ...tea, note: '' }],
  ['whatever characters', { ...tea, item: '\'"\\\r\n\u0000%/#?é😀\u2028\u2029\u0085\u007f', note: '007' }],
])('keeps an order as it is: %s', async (_, order) => {
  const createdAt = new Date(clock()).toISOString();
  const { order: placed, replayed } = await orders.create(owner, order);
  expect(placed).toEqual({ id: expect.stringMatching(/^[0-9a-f]{32}$/), ...order, status: 'received', createdAt });
  expect(replayed).toBe(false);
  expect(await orders.find(owner, placed.id)).toEqual(placed);
  expect(await orders.list(owner, { limit: 10 })).toEqual({ orders: [placed] });
});

it('shows people who look at the table whose an order is, under keys that are ASCII', async () => {
  const { order } = await orders.create({ ...owner, actionPackageId: 'card/ü' }, tea);
  const rows = await listRows(openTable(tableName));
  const row = rows.find(({ rowKey }) => rowKey === `order-${order.id}`);
  expect(row).toMatchObject({
    userId: owner.id,
    cardId: 'card/\\u00fc',
    partitionKey: expect.stringMatching(/^[\da-f]{64}$/),
  });
});

it('lists the newest first, page by page, and no order twice or not at all', async () => {
  const placed = await placeOneASecond(7);
  const pages: string[][] = [];
  let next: { cursor?: string } = {};
  do {
    const page = await orders.list(owner, { limit: 3, ...next });
    pages.push(page.orders.map(({ id }) => id));
    next = page.nextCursor === undefined ? {} : { cursor: page.nextCursor };
  } while (next.cursor !== undefined);
  expect(pages).toEqual([placed.slice(0, 3), placed.slice(3, 6), placed.slice(6)]);
});

it('has no next page when the last one is full, or beyond', async () => {
  const [newest = '', oldest = ''] = await placeOneASecond(2);
  const page = await orders.list(owner, { limit: 2 });
  expect([page.orders.map(({ id }) => id), page.nextCursor]).toEqual([[newest, oldest], undefined]);
  expect(await orders.list(owner, { limit: 2, cursor: oldest })).toEqual({ orders: [] });
});

it("neither finds nor lists another's orders, nor one that does not exist", async () => {
  const { order } = await orders.create(owner, tea, 'key-1');
  for (const other of [
    { ...owner, id: randomUUID() },
    { ...owner, actionPackageId: 'card-other' },
  ]) {
    expect(await orders.find(other, order.id)).toBeUndefined();
    expect(await orders.list(other, { limit: 10 })).toEqual({ orders: [] });
    expect((await orders.create(other, tea, 'key-1')).replayed).toBe(false);
  }
  expect(await orders.find(owner, '0'.repeat(32))).toBeUndefined();
});

it('answers the same order to the same Idempotency-Key, and refuses another order', async () => {
  const first = await orders.create(owner, tea, 'key-1');
  clock.advance(1_000);
  expect(await orders.create(owner, { quantity: 2, item: 'Tea' }, 'key-1')).toEqual({ ...first, replayed: true });
  await expect(orders.create(owner, { ...tea, note: '' }, 'key-1')).rejects.toThrow(IdempotencyKeyReusedError);
  expect((await orders.create(owner, tea, 'key-2')).replayed).toBe(false);
  expect((await orders.list(owner, { limit: 10 })).orders).toHaveLength(2);
});

it('finds and lists nothing where there is no table yet', async () => {
  const none = createOrdersTable(createOpenTable(storage, newTableName(), 0), clock);
  expect(await none.find(owner, '0'.repeat(32))).toBeUndefined();
  expect(await none.list(owner, { limit: 10 })).toEqual({ orders: [] });
});
