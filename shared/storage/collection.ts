/**
 * Rows that belong to one owner, in Table Storage. A partition holds the rows of one user in one card and, next to them,
 * the record of each Idempotency-Key, so that a row and its record are written in one entity group transaction.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { TableClient, TransactionAction } from '@azure/data-tables';
import * as v from 'valibot';
import type { Clock } from '../clock';
import { withDeadline } from '../deadline';
import type { Log } from '../log';
import { Problem } from '../problem';
import { purgeOnePage, purgeRows } from './purge';
import { createTableIfMissing, type OpenTable, statusOf, unlessMissing } from './table-client';

/** Of one call, repeats by the SDK included. A write that is given up may still happen. */
const DEADLINE_MS = 2_000;
const RECORD_LIFE_MS = 24 * 3_600_000;
/** So many unreadable rows end a page early. */
const MAX_UNREADABLE = 100;
const MAX_TIME_48_BIT = 2 ** 48 - 1;

/** A user within a card: the principal of a request. */
export type Owner = { readonly id: string; readonly actionPackageId: string };

export interface Item<T> {
  readonly id: string;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  /** Another one after each change. */
  readonly etag: string;
  readonly value: T;
}

export interface CollectionOptions<In, Out> {
  readonly table: string;
  /** What a row holds. Older rows must fit it as well, so a new member is optional. */
  readonly schema: v.GenericSchema<In, Out>;
  readonly providerName: string;
  readonly openTable: OpenTable;
  readonly clock: Clock;
  readonly log: Log;
}
type Row = { readonly rowKey: string; readonly content: string; readonly etag: string };
/** Of an Idempotency-Key. It has a digest, not the content, which could outlive the row. */
type KeyRecord = { readonly itemId: string; readonly digest: string; readonly createdAt: Date; readonly etag?: string };
type Created<T> = { readonly item: Item<T>; readonly replayed: boolean };
type Page<T> = { readonly items: Item<T>[]; readonly nextCursor?: string | undefined };

export type Collection<In, Out> = ReturnType<typeof createCollection<In, Out>>;

/** The methods throw the problems `storage_unavailable` (503) and, for a row that is unreadable, `internal_error`. */
export function createCollection<In, Out>(options: CollectionOptions<In, Out>) {
  const { schema, openTable, clock } = options;

  async function run<T>(operation: (table: TableClient, abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      const table = await openTable(); // loads the SDK, which may take its time once
      return await withDeadline(DEADLINE_MS, (abortSignal) => operation(table, abortSignal), timeOut);
    } catch (cause) {
      if (cause instanceof Problem || isOurMistake(cause)) throw cause;
      throw new Problem('storage_unavailable', undefined, { cause });
    }
  }

  /** A digest, because the ids are not ours and may hold characters that a key may not, such as a slash. */
  const partitionOf = (owner: Owner) => sha256(JSON.stringify([options.providerName, owner.actionPackageId, owner.id]));

  /** Throws when the row is unreadable. */
  function toItem({ rowKey, content, etag }: Row): Item<Out> {
    const id = toId(rowKey);
    try {
      if (isId(id)) return { id, createdAt: createdAtOf(id), etag, value: v.parse(schema, JSON.parse(content)) };
    } catch {} // its message may quote the row
    throw new Problem('internal_error', undefined, { reason: 'row_unreadable' });
  }

  async function expiredRecords(): Promise<string> {
    const { odata } = await import('./sdk');
    return odata`RowKey ge ${'key-'} and RowKey lt ${'key.'} and createdAt le ${new Date(clock.now() - RECORD_LIFE_MS)}`;
  }

  async function purgeOwner(table: TableClient, partitionKey: string): Promise<void> {
    await purgeOnePage(table, `PartitionKey eq '${partitionKey}' and ${await expiredRecords()}`);
  }

  function find(owner: Owner, id: string): Promise<Item<Out> | undefined> {
    return run(async (table, abortSignal) => {
      const read = () => table.getEntity<Row>(partitionOf(owner), toRowKey(id), { abortSignal });
      const row = isId(id) ? await unlessMissing(read()) : undefined;
      return row && toItem(row);
    });
  }

  return {
    table: options.table,

    /**
     * With a key, a repeat within 24 hours answers the same item as it is now. Throws `idempotency_key_reused` when the key
     * came with another value, and `not_found` when the item has been removed since.
     *
     * @param value up to 32,000 characters as JSON, of which one that is not ASCII counts as six
     */
    create(owner: Owner, value: In, { idempotencyKey }: { readonly idempotencyKey?: string | undefined } = {}) {
      return run(async (table, abortSignal): Promise<Created<Out>> => {
        const createdAt = new Date(clock.now());
        const id = newId(createdAt);
        const partitionKey = partitionOf(owner);
        // For people who look at the table, since its keys are digests.
        const [userId, cardId] = [owner.id, owner.actionPackageId].map((text) => toAscii(text.slice(0, 1_000)));
        const row = { partitionKey, rowKey: toRowKey(id), userId, cardId, content: toContent(value) };
        toItem({ ...row, etag: '' }); // what could not be read again is not written
        const rowKey = `key-${sha256(idempotencyKey ?? '')}`;
        const record = { partitionKey, rowKey, itemId: id, digest: sha256(row.content), createdAt };

        async function write(expiredEtag?: string): Promise<Created<Out>> {
          const actions: TransactionAction[] = [['create', row]];
          if (expiredEtag !== undefined) actions.push(['update', record, 'Replace', { etag: expiredEtag }]);
          else if (idempotencyKey !== undefined) actions.push(['create', record]);
          try {
            const submit = () => table.submitTransaction(actions, { abortSignal });
            const { getResponseForEntity } = await createTableIfMissing(table, abortSignal, submit);
            const { etag = '' } = getResponseForEntity(row.rowKey) ?? {};
            return { item: toItem({ ...row, etag }), replayed: false };
          } catch (error) {
            // The key is taken (409), or its expired record was replaced (412) or purged (404) in between.
            if (![404, 409, 412].includes(statusOf(error) ?? 0)) throw error;
          }
          // Without a key, the row is there because the SDK repeated a transaction whose answer was lost.
          const read = () => table.getEntity<KeyRecord>(partitionKey, rowKey, { abortSignal });
          const first: KeyRecord | undefined = idempotencyKey === undefined ? record : await unlessMissing(read());
          const isFresh = Number(first?.createdAt) > createdAt.getTime() - RECORD_LIFE_MS;
          if (first === undefined || !isFresh) return write(first?.etag);
          if (first.digest !== record.digest) throw new Problem('idempotency_key_reused');
          const item = await find(owner, first.itemId);
          if (item === undefined) throw new Problem('not_found', 'What this Idempotency-Key made no longer exists.');
          return { item, replayed: first.itemId !== id };
        }

        const created = await write();
        // No answer waits for it or fails with it. What it leaves, a later purge finds.
        if (idempotencyKey !== undefined) purgeOwner(table, partitionKey).catch(() => {});
        return created;
      });
    },

    find,

    /** Newest first, without unreadable rows. Only a missing `nextCursor` means the end; a page may be short. */
    list(owner: Owner, { limit, cursor = '' }: { readonly limit: number; readonly cursor?: string | undefined }) {
      return run(async (table, abortSignal): Promise<Page<Out>> => {
        const { odata } = await import('./sdk');
        const [partitionKey, after] = [partitionOf(owner), toRowKey(cursor)];
        const filter = odata`PartitionKey eq ${partitionKey} and RowKey gt ${after} and RowKey lt ${'item.'}`;
        const rows = table.listEntities<Row>({ queryOptions: { filter }, abortSignal });
        const items: Item<Out>[] = [];
        let unreadable = 0;
        async function readRows(): Promise<string | undefined> {
          let last: string | undefined;
          for await (const page of rows.byPage({ maxPageSize: limit + 1 })) {
            for (const row of page) {
              // This row, one more than asked for, shows that there is a next page.
              if (items.length === limit || unreadable === MAX_UNREADABLE) return last;
              try {
                items.push(toItem(row));
              } catch {
                unreadable += 1;
              }
              last = toId(row.rowKey);
            }
          }
          return undefined;
        }
        const nextCursor = await unlessMissing(readRows());
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
        toItem({ ...row, etag });
        try {
          const answer = await unlessMissing(table.updateEntity(row, 'Merge', { etag, abortSignal }));
          return answer && toItem({ ...row, etag: answer.etag ?? '' });
        } catch (error) {
          if (statusOf(error) !== 412) throw error;
        }
        // RFC 9110 §13.1.1: succeeds if the change is there already, as after a lost answer, which the SDK repeats.
        const current = await find(owner, id);
        if (current && toContent(current.value) !== row.content) throw new Problem('precondition_failed');
        return current;
      });
    },

    /** Whether there was such an item. */
    remove(owner: Owner, id: string): Promise<boolean> {
      return run(async (table, abortSignal) => {
        const remove = () => table.deleteEntity(partitionOf(owner), toRowKey(id), { abortSignal });
        return isId(id) && (await unlessMissing(remove())) !== undefined;
      });
    },

    /** Deletes the records of Idempotency-Keys that have expired, for a minute at most, and returns how many. */
    async purge(): Promise<number> {
      return purgeRows(await openTable(), await expiredRecords(), clock);
    },
  };
}

const timeOut = () => Promise.reject(Object.assign(new Error('timeout'), { name: 'TimeoutError' }));

/** A request that the storage finds wrong, or a bug, is no outage. */
function isOurMistake(error: unknown): boolean {
  const isBug = [TypeError, SyntaxError, RangeError, ReferenceError].some((kind) => error instanceof kind);
  return isBug || statusOf(error) === 400 || statusOf(error) === 413;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Sorts newest first, as Table Storage lists by key: 12 hex digits of the time left until 2^48 ms, then 20 random. */
const newId = (createdAt: Date) =>
  (MAX_TIME_48_BIT - createdAt.getTime()).toString(16) + randomBytes(10).toString('hex');
const createdAtOf = (id: string) => new Date(MAX_TIME_48_BIT - Number.parseInt(id.slice(0, 12), 16)).toISOString();
/** Nothing else may go into a key or a query of the storage. */
const isId = (text: string) => /^[0-9a-f]{32}$/.test(text);
const toRowKey = (id: string) => `item-${id}`;
const toId = (rowKey: string) => rowKey.slice('item-'.length);

/** Members in one order, so that equal values have equal contents. */
function toContent(value: unknown): string {
  const sort = (_: string, part: unknown) =>
    part instanceof Object && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort()) : part;
  return toAscii(JSON.stringify(value, sort));
}

/** As JSON escapes. The emulator's transactions break at U+2028, and what a column may hold is not the caller's concern. */
function toAscii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
