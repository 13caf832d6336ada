/** Deletes rows whose time is over: Table Storage has no expiry of its own. */
import type { TableClient } from '@azure/data-tables';
import type { Clock } from '../clock';
import { isNotFound } from './table-client';

/** The most that one entity group transaction may hold. */
const BATCH_SIZE = 100;
/** Of one purge, which then ends with the page that it is at. */
const MAX_DURATION_MS = 60_000;
/** For a request that hangs. */
const DEADLINE_MS = 90_000;
const HOUR_MS = 3_600_000;

type Row = { readonly partitionKey: string; readonly rowKey: string };

/**
 * Deletes the rows of the filter and returns how many, in a table whose partition keys begin with two hex digits. Begins
 * in another part of the table every hour and goes round, so that what one purge has no time for, a later one has.
 * Throws when the table fails; what was deleted by then stays deleted.
 *
 * @param filter in OData
 */
export async function purgeRows(table: TableClient, filter: string, clock: Clock): Promise<number> {
  const endsAtMs = clock.now() + MAX_DURATION_MS;
  const abortSignal = AbortSignal.timeout(DEADLINE_MS);
  const start = startAt(clock.now());
  let deleted = 0;
  try {
    for (const part of [`PartitionKey ge '${start}'`, `PartitionKey lt '${start}'`]) {
      const queryOptions = { filter: `${part} and ${filter}`, select: ['partitionKey', 'rowKey'] };
      for await (const page of table.listEntities<Row>({ queryOptions, abortSignal }).byPage()) {
        for (const batch of toBatches(page)) deleted += await deleteBatch(table, batch, abortSignal);
        if (clock.now() >= endsAtMs) return deleted;
      }
    }
  } catch (error) {
    if (!isNotFound(error)) throw error; // nothing has ever been written, and so there is no table
  }
  return deleted;
}

/** Two hex digits, each of the 256 in its turn: 61 has no divisor in common with them. */
function startAt(nowMs: number): string {
  return ((Math.floor(nowMs / HOUR_MS) * 61) % 256).toString(16).padStart(2, '0');
}

/** Of one partition each. The rows come in the order of their partitions. */
function toBatches(rows: readonly Row[]): Row[][] {
  const batches: Row[][] = [];
  for (const row of rows) {
    const last = batches.at(-1);
    if (last?.[0]?.partitionKey === row.partitionKey && last.length < BATCH_SIZE) last.push(row);
    else batches.push([row]);
  }
  return batches;
}

async function deleteBatch(table: TableClient, batch: Row[], abortSignal: AbortSignal): Promise<number> {
  try {
    await table.submitTransaction(
      batch.map((row) => ['delete', row]),
      { abortSignal },
    );
    return batch.length;
  } catch (error) {
    // Somebody else deleted one of them, which fails the whole batch: what is left goes with a later purge.
    if (isNotFound(error)) return 0;
    throw error;
  }
}
