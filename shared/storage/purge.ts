/** Deletes rows whose time is over: Table Storage has no expiry of its own. */
import { setMaxListeners } from 'node:events';
import type { TableClient } from '@azure/data-tables';
import type { Clock } from '../clock';
import { withDeadline } from '../deadline';
import { isNotFound, statusOf } from './table-client';

/** Of one purge of a table, and of that of an owner. */
const [DEADLINE_MS, OWNER_DEADLINE_MS] = [60_000, 10_000];
const HOUR_MS = 3_600_000;
/** Parts of the table that are purged in parallel, each row by row. */
const SPANS = 32;
/** Of the two hex digits that partition keys begin with, so many are in each span. */
const SPAN_WIDTH = 256 / SPANS;

/** A table that the hourly timer purges. */
export interface Purgeable {
  readonly table: string;
  /** Deletes what has expired, for a minute at most, and returns how many rows. Throws when the table fails. */
  purge(): Promise<number>;
}

/**
 * Deletes the rows of the OData filter and returns how many, in a table whose partition keys begin with two hex digits.
 * The spans begin elsewhere each hour, so that a later purge gets to what this one has no time for. Throws when the table
 * fails; what was deleted by then stays deleted.
 */
export async function purgeRows(table: TableClient, filter: string, clock: Clock): Promise<number> {
  let deleted = 0;
  async function purgeSpan(span: string, abortSignal: AbortSignal): Promise<void> {
    for await (const page of listPages(table, `${span} and ${filter}`, abortSignal, 1_000)) {
      for (const row of page) if (await deleteUnchanged(table, row, abortSignal)) deleted += 1;
    }
  }
  function purgeSpans(abortSignal: AbortSignal): Promise<PromiseSettledResult<void>[]> {
    setMaxListeners(SPANS + 1, abortSignal); // one request of each span; Node warns at 11
    return Promise.allSettled(spansAt(clock.now()).map((span) => purgeSpan(span, abortSignal)));
  }
  // When the time is over, the abort ends the spans.
  const results = await withDeadline(DEADLINE_MS, purgeSpans, (): PromiseSettledResult<void>[] => []);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined && !isNotFound(failure.reason)) throw failure.reason; // 404: no row was ever written
  return deleted;
}

/** Deletes the first 100 rows of the OData filter. */
export async function purgeOnePage(table: TableClient, filter: string): Promise<void> {
  async function purge(abortSignal: AbortSignal): Promise<void> {
    const page = await listPages(table, filter, abortSignal, 100).next();
    for (const row of page.value ?? []) await deleteUnchanged(table, row, abortSignal);
  }
  await withDeadline(OWNER_DEADLINE_MS, purge, () => {});
}

type Row = { readonly partitionKey: string; readonly rowKey: string };

function listPages(table: TableClient, filter: string, abortSignal: AbortSignal, maxPageSize: number) {
  const queryOptions = { filter, select: ['partitionKey', 'rowKey'] };
  return table.listEntities<Row>({ queryOptions, abortSignal }).byPage({ maxPageSize });
}

/** Not in a transaction, whose deletes the SDK sends without an etag. False when the row has changed or gone since. */
async function deleteUnchanged(
  table: TableClient,
  row: Row & { etag: string },
  abortSignal: AbortSignal,
): Promise<boolean> {
  try {
    await table.deleteEntity(row.partitionKey, row.rowKey, { etag: row.etag, abortSignal });
    return true;
  } catch (error) {
    if (isNotFound(error) || statusOf(error) === 412) return false;
    throw error;
  }
}

/** Filters that together cover the table once. */
function spansAt(nowMs: number): string[] {
  const offset = Math.floor(nowMs / HOUR_MS) % SPAN_WIDTH;
  const bounds = Array.from({ length: SPANS }, (_, n) => (offset + n * SPAN_WIDTH).toString(16).padStart(2, '0'));
  const upTo = (bound: string | undefined) => (bound === undefined ? '' : ` and PartitionKey lt '${bound}'`);
  return [
    `PartitionKey lt '${bounds[0]}'`,
    ...bounds.map((from, n) => `PartitionKey ge '${from}'${upTo(bounds[n + 1])}`),
  ];
}
