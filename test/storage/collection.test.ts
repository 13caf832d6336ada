/** The rows of one owner, on a real Azurite. */
import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { type CollectionOptions, createCollection, type Owner } from '../../shared/storage/collection';
import { createOpenTable } from '../../shared/storage/table-client';
import { requireEnvironment } from '../harness/app';
import { createFakeClock } from '../harness/fake-clock';
import { listRows, newTableName, openTable } from '../harness/tables';

const storage = { kind: 'connection-string', connectionString: requireEnvironment('TEST_STORAGE') } as const;
const NOW = Date.UTC(2026, 0, 1);
const DAY_MS = 24 * 3_600_000;
const tea = { item: 'Tea', quantity: 2 };
const schema = v.object({ item: v.string(), quantity: v.number(), note: v.optional(v.string()) });
const table = newTableName();
const rows = openTable(table);
const clock = createFakeClock(NOW);
const lines: unknown[][] = [];
const notes = createCollection(optionsOf({ schema }));
let owner: Owner;
beforeEach(() => {
  owner = { id: randomUUID(), actionPackageId: 'card-notes' };
  lines.length = 0;
});

function optionsOf<S extends v.GenericSchema>(more: { schema: S; table?: string; providerName?: string }) {
  return {
    table,
    providerName: 'kaizala',
    openTable: createOpenTable(storage, more.table ?? table, 0),
    clock,
    log: (...line: unknown[]) => lines.push(line),
    ...more,
  } as CollectionOptions<v.InferInput<S>, v.InferOutput<S>>;
}

async function createOneASecond(count: number): Promise<string[]> {
  const newestFirst: string[] = [];
  for (let n = 0; n < count; n += 1) {
    newestFirst.unshift((await notes.create(owner, tea)).item.id);
    clock.advance(1_000);
  }
  return newestFirst;
}

/** The pages from the first to the last, each as its ids. */
async function readPages(limit: number): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = await notes.list(owner, { limit, cursor });
    pages.push(page.items.map(({ id }) => id));
    cursor = page.nextCursor;
    expect(pages.length).toBeLessThan(100);
  } while (cursor !== undefined);
  return pages;
}

const rowsOf = async ({ id }: Owner) => (await listRows(rows)).filter(({ userId }) => userId === id);

async function partitionOf(of: Owner): Promise<string> {
  return String((await rowsOf(of))[0]?.['partitionKey']);
}

async function recordsOf(of: Owner) {
  const partition = await partitionOf(of);
  return (await listRows(rows)).filter(
    ({ partitionKey, rowKey }) => partitionKey === partition && String(rowKey).startsWith('key-'),
  );
}

/** Makes rows unreadable, each in the next of these ways. */
async function spoil(ids: string[]): Promise<void> {
  const ways = [
    { content: '{' },
    { content: '{"item":7}' },
    { content: 7 },
    { content: Buffer.from('x') },
    { foreign: 'x' },
  ];
  const partitionKey = await partitionOf(owner);
  for (const [n, id] of ids.entries()) {
    await rows.updateEntity({ partitionKey, rowKey: `item-${id}`, ...ways[n % ways.length] }, 'Replace');
  }
}

describe('an item', () => {
  it.each([
    ['odd characters', 'a\u2028/#?\u0000é😀'],
    ['40,000 characters', 'x'.repeat(40_000)],
  ])('belongs to a user and a card whose ids have %s', async (_, id) => {
    const odd = { id, actionPackageId: `card ${id}` };
    const { item } = await notes.create(odd, tea, { idempotencyKey: 'key' });
    expect(await notes.find(odd, item.id)).toEqual(item);
    expect((await notes.create(odd, tea, { idempotencyKey: 'key' })).replayed).toBe(true);
    expect(await notes.find({ ...odd, id: `${id}x` }, item.id)).toBeUndefined();
  });

  it.each([
    ['the least', tea],
    ['an empty note', { ...tea, note: '' }],
    ['whatever characters', { ...tea, item: '\'"\\\r\n\u0000%/#?é😀\u2028\u2029\u0085\u007f', note: '007' }],
  ])('keeps its value as it is: %s', async (_, value) => {
    const createdAt = new Date(clock.now()).toISOString();
    const { item, replayed } = await notes.create(owner, value);
    const etag = expect.stringMatching(/^W\/"[^"]+"$/);
    expect(item).toEqual({ id: expect.stringMatching(/^[0-9a-f]{32}$/), createdAt, etag, value });
    expect(replayed).toBe(false);
    expect(await notes.find(owner, item.id)).toEqual(item);
    expect(await notes.list(owner, { limit: 10 })).toEqual({ items: [item] });
  });

  it('shows people who look at the table whose it is, under keys that are digests, and no columns but these', async () => {
    const { item } = await notes.create({ ...owner, actionPackageId: 'card/ü' }, tea);
    await notes.replace({ ...owner, actionPackageId: 'card/ü' }, item.id, { ...tea, quantity: 3 }, item.etag);
    const { timestamp, etag, ...columns } = (await rowsOf(owner))[0] ?? {};
    expect(columns).toEqual({
      partitionKey: expect.stringMatching(/^[\da-f]{64}$/),
      rowKey: `item-${item.id}`,
      userId: owner.id,
      cardId: 'card/\\u00fc',
      content: '{"item":"Tea","quantity":3}',
    });
  });

  it('is neither found, listed, changed, removed nor replayed by another user, card or provider', async () => {
    const { item } = await notes.create(owner, tea, { idempotencyKey: 'key-1' });
    const line = createCollection(optionsOf({ schema, providerName: 'line' }));
    for (const [collection, other] of [
      [notes, { ...owner, id: randomUUID() }],
      [notes, { ...owner, actionPackageId: 'card-other' }],
      [notes, { id: owner.actionPackageId, actionPackageId: owner.id }],
      [line, owner],
    ] as const) {
      expect(await collection.find(other, item.id)).toBeUndefined();
      expect(await collection.list(other, { limit: 10 })).toEqual({ items: [] });
      expect(await collection.replace(other, item.id, tea, item.etag)).toBeUndefined();
      expect(await collection.remove(other, item.id)).toBe(false);
      expect((await collection.create(other, tea, { idempotencyKey: 'key-1' })).replayed).toBe(false);
    }
    expect(await notes.find(owner, item.id)).toEqual(item);
  });

  it('that does not fit the schema of its rows is a bug, and not written', async () => {
    const wrong = { item: 7 } as unknown as typeof tea;
    await expect(notes.create(owner, wrong)).rejects.toMatchObject({ code: 'internal_error' });
    expect(await notes.list(owner, { limit: 10 })).toEqual({ items: [] });
  });

  it.each(['', 'x', '0'.repeat(31), `${'0'.repeat(31)}'`, '0'.repeat(32)])(
    'does not exist by the id "%s"',
    async (id) => {
      await notes.create(owner, tea);
      expect(await notes.find(owner, id)).toBeUndefined();
      expect(await notes.replace(owner, id, tea, '*')).toBeUndefined();
      expect(await notes.remove(owner, id)).toBe(false);
    },
  );
});

describe('a table that does not exist yet', () => {
  it('has nothing to find, list, change, remove or purge, and the first create makes it', async () => {
    const none = createCollection(optionsOf({ schema, table: newTableName() }));
    const id = '0'.repeat(32);
    expect(await none.find(owner, id)).toBeUndefined();
    expect(await none.list(owner, { limit: 10 })).toEqual({ items: [] });
    expect(await none.replace(owner, id, tea, '*')).toBeUndefined();
    expect(await none.remove(owner, id)).toBe(false);
    expect(await none.purge()).toBe(0);
    const { item } = await none.create(owner, tea, { idempotencyKey: 'key-1' });
    expect(await none.find(owner, item.id)).toEqual(item);
  });
});

describe('a list', () => {
  it('shows the newest first, page by page, and no item twice or not at all', async () => {
    const ids = await createOneASecond(7);
    expect(await readPages(3)).toEqual([ids.slice(0, 3), ids.slice(3, 6), ids.slice(6)]);
  });

  it('has no next page when the last one is full, or beyond', async () => {
    const [newest = '', oldest = ''] = await createOneASecond(2);
    expect(await readPages(2)).toEqual([[newest, oldest]]);
    expect(await notes.list(owner, { limit: 2, cursor: oldest })).toEqual({ items: [] });
  });

  it('skips unreadable rows of every kind, and says how many in one line without their content', async () => {
    const ids = await createOneASecond(7);
    await spoil(ids.slice(1, 6));
    expect(await readPages(10)).toEqual([[ids[0], ids[6]]]);
    expect(lines).toEqual([['error', 'rows_unreadable', { table, count: 5 }]]);
  });

  it.each([
    ['the last of a page', [2], 3],
    ['the first of a page', [0, 3], 3],
    ['one more than a page', [3], 3],
    ['a whole page', [2, 3], 2],
    ['the rest', [4, 5, 6], 2],
    ['all', [0, 1, 2, 3, 4, 5, 6], 3],
  ])('leads on when %s is unreadable', async (_, unreadable, limit) => {
    const ids = await createOneASecond(7);
    await spoil(unreadable.map((n) => ids[n] ?? ''));
    const readable = ids.filter((_id, n) => !unreadable.includes(n));
    expect((await readPages(limit)).flat()).toEqual(readable);
  });

  it('ends a page early after 100 unreadable rows, and leads on', async () => {
    const { item } = await notes.create(owner, tea);
    const partitionKey = await partitionOf(owner);
    const spoilt = [...Array(250).keys()].map((n) => `item-${(n + 1).toString(16).padStart(32, '0')}`); // newer
    for (let from = 0; from < spoilt.length; from += 100) {
      await rows.submitTransaction(
        spoilt.slice(from, from + 100).map((rowKey) => ['create', { partitionKey, rowKey, content: '{' }]),
      );
    }
    expect(await readPages(20)).toEqual([[], [], [item.id]]);
  });

  it.each(['', 'x', `${'0'.repeat(31)}'`])('refuses the cursor "%s", which no page gave', async (cursor) => {
    await expect(notes.list(owner, { limit: 1, cursor })).rejects.toMatchObject({ code: 'invalid_parameter' });
  });

  it('passes a row whose key is none of ours', async () => {
    const [newest = '', oldest = ''] = await createOneASecond(2);
    const partitionKey = await partitionOf(owner);
    for (const id of [`${newest}x`, 'x'])
      await rows.createEntity({ partitionKey, rowKey: `item-${id}`, content: '{}' });
    expect((await readPages(1)).flat()).toEqual([newest, oldest]);
  });
});

it('answers 500, not 404, for an unreadable row that is read by its id or replayed', async () => {
  const { item } = await notes.create(owner, tea, { idempotencyKey: 'key-1' });
  await spoil([item.id]);
  const bug = { code: 'internal_error', status: 500, options: { reason: 'row_unreadable' } };
  await expect(notes.find(owner, item.id)).rejects.toMatchObject(bug);
  await expect(notes.create(owner, tea, { idempotencyKey: 'key-1' })).rejects.toMatchObject(bug);
});

it('reads rows that were written before the schema had a new, optional member', async () => {
  const { item } = await notes.create(owner, tea);
  const newer = createCollection(
    optionsOf({ schema: v.object({ ...schema.entries, size: v.optional(v.string(), 'M') }) }),
  );
  expect((await newer.find(owner, item.id))?.value).toEqual({ ...tea, size: 'M' });
});

describe('an Idempotency-Key', () => {
  const idempotencyKey = 'key-1';
  const create = (value: v.InferInput<typeof schema> = tea) => notes.create(owner, value, { idempotencyKey });

  it('makes a repeat answer the first item, whatever the order of its members, and refuses another value', async () => {
    const { item } = await create();
    clock.advance(1_000);
    expect(await create({ quantity: 2, item: 'Tea' })).toEqual({ item, replayed: true });
    await expect(create({ ...tea, note: '' })).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    expect((await notes.create(owner, tea, { idempotencyKey: 'key-2' })).replayed).toBe(false);
    expect((await notes.list(owner, { limit: 10 })).items).toHaveLength(2);
  });

  it('answers the item as it is now, and not found once it has been removed', async () => {
    const { item } = await create();
    const changed = await notes.replace(owner, item.id, { ...tea, quantity: 9 }, item.etag);
    expect(await create()).toEqual({ item: changed, replayed: true });
    await expect(create({ ...tea, quantity: 9 })).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    await notes.remove(owner, item.id);
    await expect(create()).rejects.toMatchObject({ code: 'not_found' });
  });

  it('keeps no content in its record', async () => {
    await create({ item: 'Surprise', quantity: 7 });
    const [record] = await recordsOf(owner);
    expect(Object.keys(record ?? {}).sort()).toEqual(
      ['createdAt', 'digest', 'etag', 'itemId', 'partitionKey', 'rowKey', 'timestamp'].sort(),
    );
    expect(JSON.stringify(record)).not.toMatch(/Surprise|key-1/);
  });

  it('counts for 24 hours, also before it is purged', async () => {
    const { item } = await create();
    clock.advance(DAY_MS - 1);
    expect(await create()).toEqual({ item, replayed: true });
    clock.advance(2);
    const second = await create({ ...tea, quantity: 5 });
    expect(second.replayed).toBe(false);
    expect(second.item.id).not.toBe(item.id);
    clock.advance(DAY_MS - 1);
    expect((await create({ ...tea, quantity: 5 })).item).toEqual(second.item);
  });

  it.each(['new', 'expired'])('makes one item of 20 concurrent repeats with a key that is %s', async (age) => {
    if (age === 'expired') {
      await create();
      clock.advance(DAY_MS + 1);
    }
    const before = (await notes.list(owner, { limit: 100 })).items.length;
    // As a caller does who is told 503, which a busy machine may answer to so many.
    const persist = (): ReturnType<typeof create> =>
      create().catch((error) => (error.code === 'storage_unavailable' ? persist() : Promise.reject(error)));
    const all = await Promise.all(Array.from({ length: 20 }, persist));
    expect(new Set(all.map(({ item }) => item.id)).size).toBe(1);
    expect(all.filter(({ replayed }) => !replayed).length).toBeLessThanOrEqual(1);
    expect((await notes.list(owner, { limit: 100 })).items).toHaveLength(before + 1);
  });

  it('makes a new item when its expired record is purged between the attempt and the replacement', async () => {
    await create();
    clock.advance(DAY_MS + 1);
    const client = await optionsOf({ schema }).openTable();
    const purging = createCollection({
      ...optionsOf({ schema }),
      openTable: async () =>
        Object.assign(Object.create(client), {
          getEntity: async (...parameters: Parameters<typeof client.getEntity>) => {
            const record = await client.getEntity(...parameters);
            await notes.purge();
            return record;
          },
        }),
    });
    expect((await purging.create(owner, tea, { idempotencyKey })).replayed).toBe(false);
    expect((await notes.list(owner, { limit: 10 })).items).toHaveLength(2);
  });
});

describe('a change', () => {
  it('needs the present etag', async () => {
    const { item } = await notes.create(owner, tea);
    const changed = await notes.replace(owner, item.id, { ...tea, note: 'with milk' }, item.etag);
    expect(changed).toEqual({
      ...item,
      value: { ...tea, note: 'with milk' },
      etag: expect.not.stringMatching(item.etag),
    });
    expect(await notes.find(owner, item.id)).toEqual(changed);
    for (const stale of [item.etag, '', 'x', '"x"', `W/"datetime'2026-01-01T00%3A00%3A00.0000000Z'"`]) {
      await expect(notes.replace(owner, item.id, tea, stale)).rejects.toMatchObject({ code: 'precondition_failed' });
    }
    expect(await notes.find(owner, item.id)).toEqual(changed);
    expect((await notes.replace(owner, item.id, tea, changed?.etag ?? ''))?.value).toEqual(tea);
    expect((await notes.replace(owner, item.id, { ...tea, quantity: 1 }, '*'))?.value.quantity).toBe(1);
  });

  it('is won by one of several that start from the same state', async () => {
    const { item } = await notes.create(owner, tea);
    const changes = [...Array(10).keys()].map((n) =>
      notes.replace(owner, item.id, { ...tea, quantity: n + 10 }, item.etag),
    );
    const settled = await Promise.allSettled(changes);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

it('removes an item once', async () => {
  const { item } = await notes.create(owner, tea);
  expect([await notes.remove(owner, item.id), await notes.remove(owner, item.id)]).toEqual([true, false]);
  expect(await notes.find(owner, item.id)).toBeUndefined();
  expect(await notes.list(owner, { limit: 10 })).toEqual({ items: [] });
});

it('compares contents by their names alone, whatever the values are', async () => {
  const anything = createCollection(optionsOf({ schema: v.object({ x: v.any() }) }));
  const idempotencyKey = randomUUID();
  const x = { a: { toString: 1 }, b: 2 };
  const first = await anything.create(owner, { x }, { idempotencyKey });
  const again = await anything.create(owner, { x: { b: 2, a: { toString: 1 } } }, { idempotencyKey });
  expect(again).toMatchObject({ item: { id: first.item.id }, replayed: true });
});
