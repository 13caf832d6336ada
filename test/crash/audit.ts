/**
 * Holds what the clients were told against what there is: the rows of the table, read past the app, and what the app
 * itself lists. Every acknowledged order once, each record of a key beside its order, and nothing that nobody asked for.
 */
import { ConstantBackoff, handleAll, retry } from 'cockatiel';
import type { Order } from '../../shared/order';
import { type Finding, unless } from './finding';
import { acknowledgements, type Outcome, type PlacedOrder, users } from './placed-order';
import type { Stand } from './stand';

type Row = { partitionKey: string; rowKey: string; cardId?: string; orderId?: string; content: string };

/** Where the machine is busy, the storage may take longer than the app waits. */
const patiently = retry(handleAll, { maxAttempts: 5, backoff: new ConstantBackoff(500) });

/** An order's id, and what was ordered, as JSON. */
type Contents = ReadonlyMap<string, string>;

interface Found {
  readonly orders: Contents;
  /** By the id of the order that each names; one id more than once is a finding. */
  readonly records: Contents;
  readonly doubledRecords: readonly string[];
}

export async function audit(stand: Stand): Promise<Finding[]> {
  const { orders } = stand;
  const found = await readTable(stand);
  const listed = (await Promise.all(users.map((user) => listThroughApp(stand, user)))).flat();
  return [
    ...orders.flatMap((order) => [...judgeAnswers(order), ...judgeRows(order, found)]),
    ...judgeStrangers(orders, found),
    ...judgeList(listed, found.orders),
  ];
}

/** The rows of this stand's card. The partition of a record tells whose it is, since it has no other column for that. */
async function readTable({ table, card }: Stand): Promise<Found> {
  const rows: Row[] = [];
  for await (const row of table.listEntities<Row>()) rows.push(row);
  const own = new Set(rows.filter(({ cardId }) => cardId === card).map(({ partitionKey }) => partitionKey));
  const ownRows = rows.filter(({ partitionKey }) => own.has(partitionKey));
  const records = ownRows.filter(({ rowKey }) => rowKey.startsWith('key-'));
  const ids = records.map(({ orderId = '' }) => orderId);
  return {
    orders: new Map(
      ownRows
        .filter(({ rowKey }) => rowKey.startsWith('order-'))
        .map(({ rowKey, content }) => [rowKey.slice('order-'.length), content]),
    ),
    records: new Map(records.map(({ orderId = '', content }) => [orderId, content])),
    doubledRecords: ids.filter((id, index) => ids.indexOf(id) !== index),
  };
}

async function listThroughApp({ instances, token }: Stand, user: string): Promise<string[]> {
  const headers = { authorization: `Bearer ${token(user)}` };
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const url = `${instances[0].url}/api/orders?limit=25${cursor === undefined ? '' : `&cursor=${cursor}`}`;
    const page = await patiently.execute(() => readPage(url, headers));
    ids.push(...page.orders.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return ids;
}

async function readPage(
  url: string,
  headers: Record<string, string>,
): Promise<{ orders: Order[]; nextCursor?: string }> {
  const response = await fetch(url, { headers });
  if (!response.ok) throw new Error(`The list of orders was answered ${response.status}.`);
  return (await response.json()) as { orders: Order[]; nextCursor?: string };
}

/** One order, one id; 503 with Retry-After where there is none yet; and with a key, an answer in the end. */
function judgeAnswers(order: PlacedOrder): Finding[] {
  const { name, key, content, attempts } = order;
  const acknowledged = acknowledgements(order);
  const ids = new Set(acknowledged.map((one) => one.order.id));
  const firsts = acknowledged.filter(({ replayed }) => !replayed).length;
  const noneFailed = acknowledged.length === attempts.length;
  return [
    ...unless(key === undefined || ids.size > 0, 'wrong', `${name}: never acknowledged`),
    ...unless(ids.size <= 1, 'doubled', `${name}: acknowledged as ${ids.size} orders`),
    ...unless(firsts <= 1, 'doubled', `${name}: acknowledged as new ${firsts} times`),
    ...unless(firsts > 0 || !noneFailed, 'wrong', `${name}: never acknowledged as new`),
    ...unless(
      acknowledged.every((one) => one.order.item === content.item),
      'wrong',
      `${name}: another order was acknowledged`,
    ),
    ...attempts.flatMap(({ outcome }) => unless(isAllowed(outcome), 'wrong', `${name}: ${JSON.stringify(outcome)}`)),
  ];
}

function isAllowed(outcome: Outcome): boolean {
  if (outcome.kind !== 'refused') return true;
  const { status, code, retryAfterSeconds } = outcome;
  return status === 503 && /^(storage|identity)_unavailable$/.test(code) && retryAfterSeconds >= 1;
}

/** An acknowledged order has its row, and with a key its record, both of the same content. */
function judgeRows(order: PlacedOrder, { orders, records }: Found): Finding[] {
  const { name, key, content } = order;
  const id = acknowledgements(order)[0]?.order.id;
  if (id === undefined) return [];
  const wanted = JSON.stringify(content);
  if (orders.get(id) !== wanted) return unless(false, 'lost', `${name}: acknowledged, and has no row`);
  return unless(records.get(id) === (key && wanted), 'lost', `${name}: has ${key ? 'no' : 'a'} record of a key`);
}

/** Rows that no client was told of: at most one for each order without a key that was not acknowledged. */
function judgeStrangers(orders: readonly PlacedOrder[], { orders: rows, records, doubledRecords }: Found): Finding[] {
  const ids = orders.flatMap((order) => [...new Set(acknowledgements(order).map((one) => one.order.id))]);
  const told = new Set(ids);
  const open = new Set(
    orders
      .filter((order) => order.key === undefined && acknowledgements(order).length === 0)
      .map(({ content }) => JSON.stringify(content)),
  );
  return [
    ...unless(told.size === ids.length, 'lost', 'several orders were acknowledged as the same'),
    ...doubledRecords.flatMap((id) => unless(false, 'lost', `several keys have the order ${id}`)),
    ...[...records.keys()].flatMap((id) => unless(rows.has(id), 'lost', `a record of a key has no order: ${id}`)),
    ...[...rows].flatMap(([id, content]) =>
      unless(told.has(id) || open.delete(content), 'doubled', `a row that nobody was told of: ${content}`),
    ),
  ];
}

function judgeList(listed: readonly string[], rows: Contents): Finding[] {
  const ids = new Set(listed);
  const missing = [...rows.keys()].filter((id) => !ids.has(id)).length;
  return [
    ...unless(missing === 0, 'lost', `${missing} orders have rows, and are not listed`),
    ...unless(listed.length === ids.size, 'doubled', 'orders are listed more than once'),
  ];
}
