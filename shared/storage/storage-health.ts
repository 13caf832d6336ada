/** Tells whether the storage answers, asked at most once a second, however often the anonymous endpoint is called. */
import type { Clock } from '../clock';
import { withDeadline } from '../deadline';
import { Problem } from '../problem';
import { isNotFound, type OpenTable } from './table-client';

const DEADLINE_MS = 1_000;
const REMEMBERED_MS = 1_000;

/** Throws a Problem when the storage does not answer within a second. */
export type CheckStorage = () => Promise<void>;

export function createCheckStorage(openTable: OpenTable, clock: Clock): CheckStorage {
  let latest: { check: Promise<void>; startedAtMs: number } | undefined;
  return function checkStorage() {
    const now = clock.elapsed();
    if (latest === undefined || now - latest.startedAtMs >= REMEMBERED_MS) {
      latest = { check: ask(openTable), startedAtMs: now };
    }
    return latest.check;
  };
}

async function ask(openTable: OpenTable): Promise<void> {
  async function readNothing(abortSignal: AbortSignal): Promise<void> {
    const table = await openTable();
    await table.getEntity('health', 'health', { abortSignal });
  }
  const onTimeout = () => {
    throw new Error('timeout');
  };
  try {
    await withDeadline(DEADLINE_MS, readNothing, onTimeout);
  } catch (error) {
    // That there is no such row, or no table yet, is an answer.
    if (!isNotFound(error)) throw new Problem('storage_unavailable', undefined, { cause: error });
  }
}
