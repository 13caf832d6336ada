/**
 * Orders in Table Storage. A partition holds the orders of one user in one card, and the record of each
 * Idempotency-Key beside the order that it made, so that both are written in one entity group transaction.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { TableClient } from '@azure/data-tables';
import type { Clock } from '../clock';
import type { NewOrder, Order, OrderOwner, OrderStore } from '../order';
import { Problem } from '../problem';
import { purgeRows } from './purge';
import { errorCode, isNotFound, makingTable, type OpenTable } from './table-client';

/** Of one call of the store, repeats by the SDK included. */
const DEADLINE_MS = 2_000;
/** How long a repeat with the same Idempotency-Key answers the same order, at least. */
const IDEMPOTENCY_RECORD_LIFE_MS = 24 * 3_600_000;
const MAX_TIME_48_BIT = 2 ** 48 - 1;

type OrderRow = {
  readonly partitionKey: string;
  readonly rowKey: string;
  /** Whose it is and in which card, for people who look at the table: the keys are digests. */
  readonly userId: string;
  readonly cardId: string;
  /** What was ordered, as JSON. */
  readonly content: string;
  readonly createdAt: Date;
};

type IdempotencyRow = {
  readonly orderId: string;
  readonly content: string;
};

export function createOrdersTable(openTable: OpenTable, clock: Clock): OrderStore {
  /** Runs with the deadline; what the storage does wrong becomes StorageUnavailableError. */
  async function run<T>(operation: (table: TableClient, abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await operation(await openTable(), AbortSignal.timeout(DEADLINE_MS));
    } catch (error) {
      if (error instanceof Problem || isOurMistake(error)) throw error;
      throw new Problem('storage_unavailable', undefined, { cause: error, retryAfterSeconds: 2 });
    }
  }

  return {
    create(owner, newOrder, idempotencyKey) {
      return run(async (table, abortSignal) => {
        const partitionKey = partitionOf(owner);
        const createdAt = new Date(clock.now());
        const id = newOrderId(createdAt);
        const content = toContent(newOrder);
        const order = {
          partitionKey,
          rowKey: orderRowKey(id),
          userId: forPeople(owner.id),
          cardId: forPeople(owner.actionPackageId),
          content,
          createdAt,
        };
        const record = idempotencyKey && {
          partitionKey,
          rowKey: `key-${sha256(idempotencyKey)}`,
          orderId: id,
          content,
          createdAt,
        };
        try {
          const rows = record ? [record, order] : [order];
          await makingTable(table, abortSignal, () =>
            table.submitTransaction(
              rows.map((row) => ['create', row]),
              { abortSignal },
            ),
          );
          return { order: fromRow(order), replayed: false };
        } catch (error) {
          if (errorCode(error) !== 'EntityAlreadyExists') throw error;
          // Without a record only a repeat by the SDK can meet the row: the first attempt had written it after all.
          if (!record) return { order: fromRow(order), replayed: false };
        }
        const first = await table.getEntity<IdempotencyRow>(partitionKey, record.rowKey, { abortSignal });
        if (first.content !== content) throw new Problem('idempotency_key_reused');
        const row = await readOrder(table, partitionKey, first.orderId, abortSignal);
        if (row === undefined)
          throw new Problem('not_found', 'The order that this Idempotency-Key made no longer exists.');
        return { order: fromRow(row), replayed: first.orderId !== id };
      });
    },

    find(owner, id) {
      return run(async (table, abortSignal) => {
        const row = await readOrder(table, partitionOf(owner), id, abortSignal);
        return row && fromRow(row);
      });
    },

    list(owner, { limit, cursor }) {
      return run(async (table, abortSignal) => {
        const { odata } = await import('./sdk');
        const after = orderRowKey(cursor ?? '');
        const filter = odata`PartitionKey eq ${partitionOf(owner)} and RowKey gt ${after} and RowKey lt ${'order.'}`;
        const rows = table.listEntities<OrderRow>({ queryOptions: { filter }, abortSignal });
        const orders: Order[] = [];
        try {
          // One more than asked for tells whether there is a next page.
          for await (const page of rows.byPage({ maxPageSize: limit + 1 })) {
            orders.push(...page.map(fromRow));
            const [last, next] = orders.slice(limit - 1);
            if (last && next) return { orders: orders.slice(0, limit), nextCursor: last.id };
          }
        } catch (error) {
          if (!isNotFound(error)) throw error; // no order has ever been made, and so no table
        }
        return { orders };
      });
    },

    async purgeIdempotencyRecords() {
      const table = await openTable();
      const { odata } = await import('./sdk');
      const expired = new Date(clock.now() - IDEMPOTENCY_RECORD_LIFE_MS);
      return purgeRows(table, odata`RowKey ge ${'key-'} and RowKey lt ${'key.'} and createdAt le ${expired}`, clock);
    },
  };
}

async function readOrder(table: TableClient, partitionKey: string, id: string, abortSignal: AbortSignal) {
  try {
    return await table.getEntity<OrderRow>(partitionKey, orderRowKey(id), { abortSignal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** A request that the storage finds wrong, a row that is not ours, or a bug, is no outage. */
function isOurMistake(error: unknown): boolean {
  const { statusCode } = error as { statusCode?: number };
  const isBug = [TypeError, SyntaxError, RangeError, ReferenceError].some((kind) => error instanceof kind);
  return isBug || statusCode === 400 || statusCode === 413;
}

/** A digest, because the ids are not ours and may hold characters that a key may not, such as a slash. */
function partitionOf(owner: OrderOwner): string {
  return sha256(JSON.stringify([owner.actionPackageId, owner.id]));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Sorts newest first, as Table Storage lists by key: 12 hex digits of the time left until 2^48 ms, then 20 random. */
function newOrderId(createdAt: Date): string {
  const timeLeft = (MAX_TIME_48_BIT - createdAt.getTime()).toString(16);
  return timeLeft + randomBytes(10).toString('hex');
}

function orderRowKey(id: string): string {
  return `order-${id}`;
}

/** What the identity service calls an id may be longer than a column. */
function forPeople(id: string): string {
  return toAscii(id.slice(0, 1_000));
}

/** Members in one order, so that equal orders have equal contents. */
function toContent({ item, quantity, note }: NewOrder): string {
  return toAscii(JSON.stringify({ item, quantity, note }));
}

/** As JSON escapes. The emulator's transactions break at U+2028, and what a column may hold is not the caller's concern. */
function toAscii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function fromRow({ rowKey, content, createdAt }: OrderRow): Order {
  const id = rowKey.slice(orderRowKey('').length);
  return { id, ...(JSON.parse(content) as NewOrder), status: 'received', createdAt: createdAt.toISOString() };
}
