/** Tells whether the storage answers. Asks at most once a second, however often the anonymous endpoint is called. */
import type { Clock } from '../clock';
import { type OpenTable, runOnTable, type TableOperation, unlessStatus } from './table-client';

const [DEADLINE_MS, REMEMBERED_MS] = [1_000, 1_000];

/** The check throws `storage_unavailable` when the storage does not answer within a second. */
export function createCheckStorage(openTable: OpenTable, clock: Clock) {
  const readNothing: TableOperation<unknown> = (table, abortSignal) =>
    unlessStatus(table.getEntity('health', 'health', { abortSignal }), 404); // no row, or no table yet, is an answer
  let latest: { check: Promise<unknown>; startedAtMs: number } | undefined;
  return async function checkStorage(): Promise<void> {
    const now = clock.elapsed();
    if (latest === undefined || now - latest.startedAtMs >= REMEMBERED_MS) {
      latest = { check: runOnTable(openTable, DEADLINE_MS, readNothing), startedAtMs: now };
    }
    await latest.check;
  };
}
