/**
 * Rows that belong to one owner, in Table Storage. A partition holds the rows of one user in one card and, next to them,
 * the record of each Idempotency-Key, so that a row and its record are written in one entity group transaction.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { TransactionAction } from '@azure/data-tables';
import * as v from 'valibot';
import type { Clock } from '../clock';
import type { Log } from '../log';
import { Problem } from '../problem';
import { purgeRows } from './purge';
import { createTableIfMissing, type OpenTable, runOnTable, type TableOperation, unlessStatus } from './table-client';

const DEADLINE_MS = 2_000; // of one call, repeats by the SDK included; a write that is given up may still happen
const RECORD_LIFE_MS = 24 * 3_600_000;
const MAX_UNREADABLE_PER_PAGE = 100;
const MAX_TIME_MS = 2 ** 48 - 1;

/** A user within a card: the principal of a request. */
export type Owner = { readonly id: string; readonly actionPackageId: string };
/** `createdAt` is in RFC 3339, UTC. Each change gives another `etag`. */
export type Item<T> = { readonly id: string; readonly createdAt: string; readonly etag: string; readonly value: T };

export interface CollectionOptions<In, Out> {
  readonly table: string;
  /** What a row holds. Older rows must fit it as well, so a new member is optional. */
  readonly schema: v.GenericSchema<In, Out>;
  readonly providerName: string;
  readonly openTable: OpenTable;
  readonly clock: Clock;
  readonly log: Log;
}
type Row = { readonly rowKey: string; readonly content: string; readonly etag?: string | undefined };
/** Of an Idempotency-Key. It has a digest, not the content, which could outlive the row. */
type KeyRecord = { readonly itemId: string; readonly digest: string; readonly createdAt: Date; readonly etag?: string };
export type Collection<In, Out> = ReturnType<typeof createCollection<In, Out>>;

/** The methods throw the problems `storage_unavailable` (503) and, for a row that is unreadable, `internal_error`. */
export function createCollection<In, Out>(options: CollectionOptions<In, Out>) {
  const { schema, openTable, clock } = options;
  const run = <T>(operation: TableOperation<T>) => runOnTable(openTable, DEADLINE_MS, operation);
  /** A digest, because the ids are not ours and may hold characters that a key may not, such as a slash. */
  const partitionOf = (owner: Owner) => sha256(JSON.stringify([options.providerName, owner.actionPackageId, owner.id]));

  /** Throws when the row is unreadable. */
  function toItem({ rowKey, content, etag = '' }: Row): Item<Out> {
    const id = idOf(rowKey);
    try {
      if (id) return { id, createdAt: createdAtOf(id), etag, value: v.parse(schema, JSON.parse(content)) };
    } catch {} // its message may quote the row
    throw new Problem('internal_error', undefined, { reason: 'row_unreadable' });
  }

  /** Deletes the records of Idempotency-Keys that have expired, of one partition or of all, and returns how many. */
  async function purge(partitionKey?: string): Promise<number> {
    const expired = new Date(clock.now() - RECORD_LIFE_MS).toISOString();
    const filter = `RowKey ge 'key-' and RowKey lt 'key.' and createdAt le datetime'${expired}'`;
    return purgeRows(await openTable(), filter, clock, partitionKey);
  }

  function find(owner: Owner, id: string): Promise<Item<Out> | undefined> {
    return run(async (table, abortSignal) => {
      if (!isId(id)) return undefined;
      const row = await unlessStatus(table.getEntity<Row>(partitionOf(owner), toRowKey(id), { abortSignal }), 404);
      return row && toItem(row);
    });
  }

  return {
    table: options.table,
    find,
    purge,

    /**
     * With a key, a repeat within 24 hours answers the same item as it is now. Throws `idempotency_key_reused` when the
     * key came with another value, and `not_found` when the item has been removed since. The value may have 32,000
     * characters as JSON, of which one that is not ASCII counts as six.
     */
    create(owner: Owner, value: In, { idempotencyKey }: { readonly idempotencyKey?: string | undefined } = {}) {
      return run(async (table, abortSignal) => {
        const createdAt = new Date(clock.now());
        const id = newId(createdAt);
        const partitionKey = partitionOf(owner);
        // For people who look at the table, since its keys are digests.
        const [userId, cardId] = [owner.id, owner.actionPackageId].map((text) => toAscii(text.slice(0, 1_000)));
        const row = { partitionKey, rowKey: toRowKey(id), userId, cardId, content: toContent(value) };
        toItem(row); // what could not be read again is not written
        const rowKey = `key-${sha256(idempotencyKey ?? '')}`;
        const record = { partitionKey, rowKey, itemId: id, digest: sha256(row.content), createdAt };

        async function write(expiredEtag?: string): Promise<{ item: Item<Out>; replayed: boolean }> {
          const actions: TransactionAction[] = [['create', row]];
          if (expiredEtag !== undefined) actions.push(['update', record, 'Replace', { etag: expiredEtag }]);
          else if (idempotencyKey !== undefined) actions.push(['create', record]);
          const submit = () => table.submitTransaction(actions, { abortSignal });
          // The key is taken (409), or its expired record was replaced (412) or purged (404) in between.
          const answer = await unlessStatus(createTableIfMissing(table, abortSignal, submit), 404, 409, 412);
          const etag = answer?.getResponseForEntity(row.rowKey)?.etag;
          if (answer) return { item: toItem({ ...row, etag }), replayed: false };
          // Without a key, the row is there because the SDK repeated a transaction whose answer was lost.
          const read = () => table.getEntity<KeyRecord>(partitionKey, rowKey, { abortSignal });
          const first: KeyRecord | undefined = idempotencyKey === undefined ? record : await unlessStatus(read(), 404);
          const isFresh = Number(first?.createdAt) > createdAt.getTime() - RECORD_LIFE_MS;
          if (first === undefined || !isFresh) return write(first?.etag);
          if (first.digest !== record.digest) throw new Problem('idempotency_key_reused');
          const item = await find(owner, first.itemId);
          if (item === undefined) throw new Problem('not_found', 'What this Idempotency-Key made no longer exists.');
          return { item, replayed: first.itemId !== id };
        }

        const created = await write();
        // No answer waits for it or fails with it. What it leaves, a later purge finds.
        if (idempotencyKey !== undefined && !created.replayed) purge(partitionKey).catch(() => {});
        return created;
      });
    },

    /** Newest first, without unreadable rows. Only a missing `nextCursor` means the end: a page may be short. */
    list(
      owner: Owner,
      { limit, cursor = '0'.repeat(32) }: { readonly limit: number; readonly cursor?: string | undefined },
    ) {
      return run(async (table, abortSignal) => {
        if (!isId(cursor)) throw new Problem('invalid_parameter', 'The cursor must be the nextCursor of a page.');
        const keys = `RowKey gt '${toRowKey(cursor)}' and RowKey lt 'item.'`;
        const queryOptions = { filter: `PartitionKey eq '${partitionOf(owner)}' and ${keys}` };
        const pages = table.listEntities<Row>({ queryOptions, abortSignal }).byPage({ maxPageSize: limit + 1 });
        const items: Item<Out>[] = [];
        let unreadable = 0;
        async function readRows(): Promise<string | undefined> {
          let last: string | undefined;
          for await (const page of pages) {
            for (const row of page) {
              // This row, one more than asked for, shows that there is a next page.
              if (items.length === limit || unreadable === MAX_UNREADABLE_PER_PAGE) return last;
              try {
                items.push(toItem(row));
              } catch {
                unreadable += 1;
              }
              last = idOf(row.rowKey) ?? last;
            }
          }
          return undefined;
        }
        const nextCursor = await unlessStatus(readRows(), 404);
        if (unreadable > 0) options.log('error', 'rows_unreadable', { table: options.table, count: unreadable });
        return { items, nextCursor };
      });
    },

    /** Undefined when there is no such item. Throws `precondition_failed` when its etag is another one by now. */
    replace(owner: Owner, id: string, value: In, etag: string): Promise<Item<Out> | undefined> {
      return run(async (table, abortSignal) => {
        if (!isId(id)) return undefined;
        if (!/^(\*|W\/"[^"]*")$/.test(etag)) throw new Problem('precondition_failed'); // the storage would answer 400
        const row = { partitionKey: partitionOf(owner), rowKey: toRowKey(id), content: toContent(value) };
        toItem(row);
        const answer = await unlessStatus(table.updateEntity(row, 'Merge', { etag, abortSignal }), 404, 412);
        if (answer) return toItem({ ...row, etag: answer.etag });
        // RFC 9110 §13.1.1: succeeds if the change is there already, as after a lost answer, which the SDK repeats.
        const current = await find(owner, id);
        if (current && toContent(current.value) !== row.content) throw new Problem('precondition_failed');
        return current;
      });
    },

    /** Whether there was such an item. */
    remove(owner: Owner, id: string): Promise<boolean> {
      return run(async (table, abortSignal) => {
        if (!isId(id)) return false;
        const deletion = table.deleteEntity(partitionOf(owner), toRowKey(id), { abortSignal });
        return (await unlessStatus(deletion, 404)) !== undefined;
      });
    },
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Sorts newest first, as Table Storage lists by key: 12 hex digits of the time left until 2^48 ms, then 20 random. */
const newId = (createdAt: Date) => (MAX_TIME_MS - createdAt.getTime()).toString(16) + randomBytes(10).toString('hex');
const createdAtOf = (id: string) => new Date(MAX_TIME_MS - Number.parseInt(id.slice(0, 12), 16)).toISOString();
/** Nothing else may go into a key or a query of the storage. */
const isId = (text: string) => /^[0-9a-f]{32}$/.test(text);
const toRowKey = (id: string) => `item-${id}`;
const idOf = (rowKey: string) => /^item-([0-9a-f]{32})$/.exec(rowKey)?.[1];

/** Members in one order, so that equal values have equal contents. */
function toContent(value: unknown): string {
  const byKey = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);
  const sort = (_: string, part: unknown) =>
    part instanceof Object && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort(byKey)) : part;
  return toAscii(JSON.stringify(value, sort));
}

/** As JSON escapes. The emulator's transactions break at U+2028, and what a column may hold is not the caller's concern. */
function toAscii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
