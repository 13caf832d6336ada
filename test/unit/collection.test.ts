/** What the emulator cannot be made to do: the answers of a storage that is seldom, or never, in such a state. */
import type { TableClient } from '@azure/data-tables';
import * as v from 'valibot';
import { createCollection } from '../../shared/storage/collection';
import { createFakeClock } from '../harness/fake-clock';

type Options = { abortSignal?: AbortSignal };
type Row = { partitionKey: string; rowKey: string; content: string };
type Action = ['create' | 'update', Row];

const asha = { id: 'u-1', actionPackageId: 'card-notes' };
const tea = { item: 'Tea', quantity: 2 };
const failWith = (statusCode: number) => Object.assign(new Error(), { statusCode });

function setUp() {
  const written: Row[] = [];
  const client = {
    submitTransaction: jest.fn(async (actions: Action[], _?: Options) => {
      written.push(...actions.map(([, row]) => row));
      return { getResponseForEntity: (): { etag: string } | undefined => ({ etag: 'W/"1"' }) };
    }),
    getEntity: jest.fn(async (partitionKey: string, rowKey: string, _?: Options) => {
      const row = written.find((one) => one.partitionKey === partitionKey && one.rowKey === rowKey);
      if (row === undefined) throw failWith(404);
      return { ...row, etag: 'W/"1"' };
    }),
    updateEntity: jest.fn(async (_row: Row, _mode: string, _?: Options) => ({ etag: 'W/"2"' })),
    deleteEntity: jest.fn(async (_partitionKey: string, _rowKey: string, _?: Options) => ({})),
    listEntities: jest.fn((_: Options) => ({
      byPage: async function* (_?: { maxPageSize?: number }): AsyncGenerator<Row[]> {
        yield [];
      },
    })),
  };
  const notes = createCollection({
    table: 'notes',
    schema: v.object({ item: v.string(), quantity: v.number() }),
    providerName: 'test',
    openTable: async () => client as unknown as TableClient,
    clock: createFakeClock(),
    log: () => {},
  });
  return { client, written, notes };
}

/** The first attempt had written the rows, its answer was lost, and the SDK's second one meets them. */
function loseFirstAnswer({ client, written }: ReturnType<typeof setUp>): void {
  client.submitTransaction.mockImplementationOnce(async (actions) => {
    written.push(...actions.map(([, row]) => row));
    throw failWith(409);
  });
}

it.each([undefined, 'key-1'])('takes a repeat by the SDK for the first result (key: %s)', async (idempotencyKey) => {
  const setup = setUp();
  loseFirstAnswer(setup);
  const { item, replayed } = await setup.notes.create(asha, tea, { idempotencyKey });
  expect([item.value, item.etag, replayed]).toEqual([tea, 'W/"1"', false]);
  expect(await setup.notes.find(asha, item.id)).toEqual(item);
});

it('takes a change that the SDK repeats after a lost answer for the first result', async () => {
  const { client, written, notes } = setUp();
  const { item } = await notes.create(asha, tea);
  client.updateEntity.mockImplementationOnce(async ({ content }) => {
    Object.assign(written[0] ?? {}, { content });
    throw failWith(412);
  });
  const more = { ...tea, quantity: 3 };
  expect((await notes.replace(asha, item.id, more, item.etag))?.value).toEqual(more);
});

it('creates the item under another record when the record of its key is purged between the two looks', async () => {
  const { client, notes } = setUp();
  client.submitTransaction.mockRejectedValueOnce(failWith(409));
  expect((await notes.create(asha, tea, { idempotencyKey: 'key-1' })).replayed).toBe(false);
  expect(client.submitTransaction.mock.calls.map(([actions]) => actions.map(([kind]) => kind))).toEqual([
    ['create', 'create'],
    ['create', 'create'],
  ]);
});

it('reads of a table that has no end one row more than a page, which tells that there is a next', async () => {
  const { client, notes, written } = setUp();
  await notes.create(asha, tea);
  let read = 0;
  client.listEntities.mockImplementationOnce(() => ({
    byPage: async function* ({ maxPageSize = 1_000 } = {}) {
      for (;;) {
        read += maxPageSize;
        yield Array(maxPageSize).fill(written[0]);
      }
    },
  }));
  const page = await notes.list(asha, { limit: 20 });
  expect([page.items.length, page.nextCursor, read]).toEqual([20, page.items[19]?.id, 21]);
});

it('reads on after a page of the storage that is empty, or shorter than asked for', async () => {
  const { client, notes, written } = setUp();
  for (const _ of [1, 2]) await notes.create(asha, tea);
  client.listEntities.mockImplementationOnce(() => ({
    byPage: async function* () {
      yield [];
      yield written.slice(0, 1);
      yield [];
      yield written.slice(1);
    },
  }));
  expect((await notes.list(asha, { limit: 20 })).items).toHaveLength(2);
});

describe('a storage in trouble', () => {
  afterEach(() => jest.useRealTimers());
  type Notes = ReturnType<typeof setUp>['notes'];
  const id = '0'.repeat(32);
  const calls: [string, (notes: Notes) => Promise<unknown>][] = [
    ['create', (notes) => notes.create(asha, tea, { idempotencyKey: 'key-1' })],
    ['find', (notes) => notes.find(asha, id)],
    ['list', (notes) => notes.list(asha, { limit: 1 })],
    ['replace', (notes) => notes.replace(asha, id, tea, '*')],
    ['remove', (notes) => notes.remove(asha, id)],
  ];

  function failAll({ client }: ReturnType<typeof setUp>, fail: (signal: AbortSignal | undefined) => Promise<never>) {
    client.submitTransaction.mockImplementation((_, options) => fail(options?.abortSignal));
    client.getEntity.mockImplementation((_, __, options) => fail(options?.abortSignal));
    client.updateEntity.mockImplementation((_, __, options) => fail(options?.abortSignal));
    client.deleteEntity.mockImplementation((_, __, options) => fail(options?.abortSignal));
    client.listEntities.mockImplementation(({ abortSignal }) => ({
      byPage: async function* () {
        await fail(abortSignal);
        yield [];
      },
    }));
  }

  it.each(calls)('that hangs is given up after 2 s, and told so: %s', async (_, call) => {
    jest.useFakeTimers();
    const setup = setUp();
    const signals: (AbortSignal | undefined)[] = [];
    failAll(setup, (signal) => {
      signals.push(signal);
      return new Promise(() => {});
    });
    const told = jest.fn();
    call(setup.notes).catch(told);
    await jest.advanceTimersByTimeAsync(1_999);
    expect([told.mock.calls, signals.map((signal) => signal?.aborted)]).toEqual([[], [false]]);
    await jest.advanceTimersByTimeAsync(1);
    expect(told.mock.calls).toMatchObject([[{ code: 'storage_unavailable', status: 503 }]]);
    expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
  });

  it.each<[string, Error]>([
    ['no connection', Object.assign(new Error(), { code: 'ECONNREFUSED' })],
    ['an abort', Object.assign(new Error(), { name: 'AbortError' })],
    ['a storage that is busy', failWith(503)],
    ['a storage that refuses', failWith(403)],
  ])('is an outage because of %s, whatever is asked', async (_, cause) => {
    for (const [, call] of calls) {
      const setup = setUp();
      failAll(setup, () => Promise.reject(cause));
      await expect(call(setup.notes)).rejects.toMatchObject({ code: 'storage_unavailable', options: { cause } });
    }
  });

  it.each<[string, Error]>([
    ['a bug', new TypeError('bug')],
    ['a request that is wrong', failWith(400)],
    ['a request that is too large', failWith(413)],
  ])('is not an outage because of %s', async (_, error) => {
    for (const [, call] of calls) {
      const setup = setUp();
      failAll(setup, () => Promise.reject(error));
      await expect(call(setup.notes)).rejects.toBe(error);
    }
  });
});
