/** The purge of tokens and of Idempotency-Keys, on a real Azurite. */
import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { createCollection } from '../../shared/storage/collection';
import { purgeRows } from '../../shared/storage/purge';
import { createOpenTable } from '../../shared/storage/table-client';
import { createTokenTable } from '../../shared/storage/token-table';
import { requireEnvironment } from '../harness/app';
import { deferred } from '../harness/deferred';
import { createFakeClock } from '../harness/fake-clock';
import { listRows, newTableName, openTable } from '../harness/tables';

const storage = { kind: 'connection-string', connectionString: requireEnvironment('TEST_STORAGE') } as const;
const NOW = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const owner = { id: 'u/1', actionPackageId: 'card' };
const log = () => {};
let table: string;
beforeEach(() => {
  table = newTableName();
});

const createTokens = (clock = createFakeClock(NOW)) =>
  createTokenTable(createOpenTable(storage, table, 0), { clock, log });

const createNotes = (clock = createFakeClock(NOW)) => {
  const schema = v.object({ item: v.string() });
  return createCollection({
    table,
    schema,
    providerName: 'test',
    openTable: createOpenTable(storage, table, 0),
    clock,
    log,
  });
};

async function fill(partition: string, count: number, expiresAtMs: number): Promise<void> {
  const rows = openTable(table);
  await rows.createTable();
  for (let from = 0; from < count; from += 100) {
    const some = [...Array(Math.min(100, count - from)).keys()].map((n) => ({
      partitionKey: partition,
      rowKey: `${partition}-${expiresAtMs}-${from + n}`,
      expiresAt: new Date(expiresAtMs),
    }));
    await rows.submitTransaction(some.map((row) => ['create', row]));
  }
}

it('deletes what has expired, over partitions and pages, and nothing else', async () => {
  await fill('00', 3, NOW - 1);
  await fill('0a', 1_050, NOW - 1);
  await fill('0b', 1, NOW);
  await fill('0b', 3, NOW + 1);
  await fill('ff', 2, NOW - 1);
  expect(await createTokens().purge()).toBe(1_056);
  const left = await listRows(openTable(table));
  expect(left.map(({ expiresAt }) => (expiresAt as Date).getTime())).toEqual([NOW + 1, NOW + 1, NOW + 1]);
  expect(await createTokens().purge()).toBe(0);
});

it.each([...Array(9).keys()])('covers the whole table in hour %i of the day', async (hour) => {
  for (const partition of ['00', '01', '07', '08', '7f', '80', 'f7', 'f8', 'ff']) await fill(partition, 1, 0);
  expect(await createTokens(createFakeClock(NOW + hour * HOUR_MS)).purge()).toBe(9);
});

/** A client that runs `between` once it has listed rows to delete, and before it deletes the first. */
async function openInterrupted(between: () => Promise<unknown>) {
  const client = await createOpenTable(storage, table, 0)();
  let interrupted: Promise<unknown> | undefined;
  return Object.assign(Object.create(client), {
    async deleteEntity(...parameters: Parameters<typeof client.deleteEntity>) {
      interrupted ??= between();
      await interrupted;
      return client.deleteEntity(...parameters);
    },
  });
}

it('skips a row that was written again since it was listed, and one that is gone, and deletes the others', async () => {
  await fill('0a', 5, NOW - 1);
  const rows = openTable(table);
  const [first, second] = await listRows(rows);
  const client = await openInterrupted(async () => {
    await rows.upsertEntity({ ...first, expiresAt: new Date(NOW + 1) } as never, 'Replace');
    await rows.deleteEntity('0a', String(second?.['rowKey']));
  });
  const filter = `expiresAt le datetime'${new Date(NOW).toISOString()}'`;
  expect(await purgeRows(client, filter, createFakeClock(NOW))).toBe(3);
  expect((await listRows(rows)).map(({ rowKey }) => rowKey)).toEqual([first?.['rowKey']]);
});

it('leaves the new record of an Idempotency-Key that is used again while its old one is purged', async () => {
  const clock = createFakeClock(NOW);
  const notes = createNotes(clock);
  const create = () => notes.create(owner, { item: 'Tea' }, { idempotencyKey: 'key-1' });
  await create();
  clock.advance(DAY_MS + 1);
  let second: Awaited<ReturnType<typeof create>> | undefined;
  const client = await openInterrupted(async () => {
    second = await create();
  });
  const purging = createCollection({
    ...{ table, schema: v.object({ item: v.string() }), providerName: 'test', clock, log },
    openTable: async () => client,
  });
  expect(await purging.purge()).toBe(0);
  expect(second?.replayed).toBe(false);
  expect(await create()).toEqual({ item: second?.item, replayed: true });
  expect((await notes.list(owner, { limit: 10 })).items).toHaveLength(2);
});

it('forgets an Idempotency-Key after 24 hours, and no item', async () => {
  const clock = createFakeClock(NOW);
  const notes = createNotes(clock);
  const { item } = await notes.create(owner, { item: 'Tea' }, { idempotencyKey: 'key-1' });
  clock.advance(DAY_MS - 1);
  expect(await notes.purge()).toBe(0);
  clock.advance(1);
  expect(await notes.purge()).toBe(1);
  expect(await notes.find(owner, item.id)).toEqual(item);
  expect(await listRows(openTable(table))).toHaveLength(1);
});

describe('a create with a key', () => {
  const keysOf = async (id: string) =>
    (await listRows(openTable(table))).filter(
      ({ rowKey, userId }) => userId === id || String(rowKey).startsWith('key-'),
    );

  async function until(condition: () => Promise<boolean>): Promise<void> {
    while (!(await condition())) await new Promise(setImmediate); // the test's own time-out ends it
  }

  it('deletes 100 expired records of its own owner, and no one else’s', async () => {
    const clock = createFakeClock(NOW);
    const notes = createNotes(clock);
    const other = { ...owner, id: randomUUID() };
    await notes.create(other, { item: 'Tea' }, { idempotencyKey: 'key' });
    const { partitionKey } = (await listRows(openTable(table)))[0] as { partitionKey: string };
    const { item } = await notes.create(owner, { item: 'Tea' });
    const own = (await listRows(openTable(table))).find(({ rowKey }) => rowKey === `item-${item.id}`);
    const expired = [...Array(130).keys()].map((n) => ({
      partitionKey: String(own?.['partitionKey']),
      rowKey: `key-${n}`,
      createdAt: new Date(NOW),
    }));
    for (const some of [expired.slice(0, 100), expired.slice(100)]) {
      await openTable(table).submitTransaction(some.map((row) => ['create', row]));
    }
    clock.advance(DAY_MS + 1);
    await notes.create(owner, { item: 'Tea' }, { idempotencyKey: 'new' });
    const records = async () => (await keysOf('')).filter((row) => row['partitionKey'] !== partitionKey);
    await until(async () => (await records()).length === 31);
    await notes.create(owner, { item: 'Tea' }, { idempotencyKey: 'newer' });
    await until(async () => (await records()).length === 2);
    expect((await keysOf('')).filter((row) => row['partitionKey'] === partitionKey)).toHaveLength(1);
  });

  it.each(['hangs', 'fails'])('neither waits for that nor fails when it %s', async (fault) => {
    const client = await createOpenTable(storage, table, 0)();
    const listing = deferred<never>();
    listing.promise.catch(() => {});
    const next = () => (fault === 'fails' ? Promise.reject(new Error('out of reach')) : listing.promise);
    const pages = { [Symbol.asyncIterator]: () => ({ next }) };
    const notes = createCollection({
      ...{ table, schema: v.object({ item: v.string() }), providerName: 'test', clock: createFakeClock(NOW), log },
      openTable: async () => Object.assign(Object.create(client), { listEntities: () => ({ byPage: () => pages }) }),
    });
    expect((await notes.create(owner, { item: 'Tea' }, { idempotencyKey: 'key-1' })).replayed).toBe(false);
    listing.reject(new Error('the end of the test'));
  });
});

it('finds nothing to do where there is no table yet', async () => {
  expect(await createTokens().purge()).toBe(0);
  expect(await createNotes().purge()).toBe(0);
});
