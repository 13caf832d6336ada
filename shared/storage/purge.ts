/** Deletes rows whose time is over: Table Storage has no expiry of its own. */
import { setMaxListeners } from 'node:events';
import type { TableClient } from '@azure/data-tables';
import type { Clock } from '../clock';
import { withDeadline } from '../deadline';
import { unlessStatus } from './table-client';

const [DEADLINE_MS, OWNER_DEADLINE_MS] = [60_000, 2_000];
const HOUR_MS = 3_600_000;
const SPANS = 32; // parts of the table that are purged in parallel, each row by row
const SPAN_WIDTH = 256 / SPANS;

/** A table that the hourly timer purges. */
export interface Purgeable {
  readonly table: string;
  /** Deletes what has expired, for a minute at most, and returns how many rows. Throws when the table fails. */
  purge(): Promise<number>;
}

/**
 * Deletes the rows of the OData filter, for a minute at most, and returns how many: 100 of one partition, or any number
 * of a table whose partition keys begin with two hex digits. Throws when the table fails, and leaves deleted what is.
 */
export async function purgeRows(table: TableClient, filter: string, clock: Clock, partitionKey?: string) {
  const spans = partitionKey === undefined ? spansAt(clock.now()) : [`PartitionKey eq '${partitionKey}'`];
  let [left, ms] = partitionKey === undefined ? [Infinity, DEADLINE_MS] : [100, OWNER_DEADLINE_MS];
  let deleted = 0;
  async function purgeSpan(span: string, abortSignal: AbortSignal): Promise<void> {
    const queryOptions = { filter: `${span} and ${filter}`, select: ['partitionKey', 'rowKey'] };
    const rows = table.listEntities<{ partitionKey: string; rowKey: string }>({ queryOptions, abortSignal });
    for await (const page of rows.byPage()) {
      for (const { partitionKey, rowKey, etag } of page) {
        if (left === 0) return;
        left -= 1;
        // Not in a transaction, whose deletes the SDK sends without an etag. The row may have changed or gone since.
        const deletion = table.deleteEntity(partitionKey, rowKey, { etag, abortSignal }).then(() => true);
        if (await unlessStatus(deletion, 404, 412)) deleted += 1;
      }
    }
  }
  function purgeSpans(abortSignal: AbortSignal) {
    setMaxListeners(SPANS + 1, abortSignal); // one request of each span; Node warns at 11
    return Promise.allSettled(spans.map((span) => unlessStatus(purgeSpan(span, abortSignal), 404))); // no table yet
  }
  const results = await withDeadline(ms, purgeSpans, () => []); // the abort ends the spans
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return deleted;
}

/** Filters that together cover the table once. They begin elsewhere each hour, so that each row's turn comes. */
function spansAt(nowMs: number): string[] {
  const first = Math.floor(nowMs / HOUR_MS) % SPAN_WIDTH;
  const inner = Array.from({ length: SPANS }, (_, n) => (first + n * SPAN_WIDTH).toString(16).padStart(2, '0'));
  const bounds = ['0', ...inner, 'g']; // before the first hex digit, and after the last
  return inner.concat('g').map((to, n) => `PartitionKey ge '${bounds[n]}' and PartitionKey lt '${to}'`);
}
