import { AsyncLocalStorage } from 'node:async_hooks';
import { createAdaptiveQueue } from '../../shared/auth/adaptive-queue';
import { type Deferred, deferred } from '../harness/deferred';

/** Calls by their names: which have started, in order, and how each ended. */
function setUp(maxConcurrent: number) {
  const queue = createAdaptiveQueue(maxConcurrent);
  const calls = new Map<string, Deferred<string>>();
  /** For how many rounds a call can wait. Default: any number. */
  const patience = new Map<string, number>();
  const ends: string[] = [];
  async function run(name: string): Promise<void> {
    function call(): Promise<string> {
      const started = deferred<string>();
      calls.set(name, started);
      return started.promise;
    }
    try {
      const result = await queue(call, (rounds) => rounds <= (patience.get(name) ?? Number.POSITIVE_INFINITY));
      ends.push(`${name} ${result ?? 'refused'}`);
    } catch (error) {
      ends.push(`${name} ${(error as Error).message}`);
    }
  }
  const settle = () => new Promise<void>(setImmediate);
  return {
    started: () => [...calls.keys()],
    ends,
    patience,
    async ask(...names: string[]) {
      for (const name of names) void run(name);
      await settle();
    },
    async finish(name: string, error?: Error) {
      if (error) calls.get(name)?.reject(error);
      else calls.get(name)?.resolve('made');
      await settle();
    },
  };
}

it('makes calls at once up to the limit, and one more for each that ends, well or not', async () => {
  const { ask, finish, started, ends } = setUp(2);
  await ask('a', 'b', 'c', 'd');
  expect(started()).toEqual(['a', 'b']);
  await finish('a');
  expect(started()).toHaveLength(3);
  await finish('b', new Error('broke'));
  expect(started()).toHaveLength(4);
  await ask('e');
  expect(started()).not.toContain('e');
  await finish('c');
  await finish('d');
  await finish('e');
  expect(ends.sort()).toEqual(['a made', 'b broke', 'c made', 'd made', 'e made']);
  await ask('f', 'g');
  expect(started()).toEqual(expect.arrayContaining(['f', 'g']));
});

it('serves the oldest first while there is time for all', async () => {
  const { ask, finish, started, patience } = setUp(2);
  for (const name of ['1', '2', '3', '4', '5']) patience.set(name, 2);
  await ask('a', 'b', '1', '2', '3', '4', '5'); // the last of them starts after two rounds
  for (const name of ['a', 'b', '1', '2', '3', '4', '5']) await finish(name);
  expect(started()).toEqual(['a', 'b', '1', '2', '3', '4', '5']);
});

it('serves the newest first while there is not', async () => {
  const { ask, finish, started, patience } = setUp(2);
  for (const name of ['1', '2', '3', '4', '5']) patience.set(name, 1);
  await ask('a', 'b', '1', '2', '3', '4', '5');
  for (const name of ['a', 'b', '5', '4', '1', '2', '3']) await finish(name);
  expect(started()).toEqual(['a', 'b', '5', '4', '1', '2', '3']);
});

it('asks the last in the queue whether there is time for it after the others', async () => {
  const { ask, finish, started, patience } = setUp(1);
  patience.set('3', 1);
  await ask('first', '1', '2', '3');
  for (const name of ['first', '3', '1']) await finish(name);
  expect(started()).toEqual(['first', '3', '1', '2']);
});

it('refuses the oldest that cannot finish in time also while the newest are first', async () => {
  const { ask, finish, started, ends, patience } = setUp(1);
  for (const name of ['1', '2', '3']) patience.set(name, 0);
  await ask('first', '1', '2', '3');
  patience.set('1', -1);
  await finish('first');
  expect(started()).toEqual(['first', '3']);
  expect(ends).toEqual(['first made', '1 refused']);
});

it('refuses all that cannot finish in time when a slot is free', async () => {
  const { ask, finish, started, ends, patience } = setUp(1);
  await ask('first', '1', '2', '3');
  patience.set('1', -1).set('2', -1);
  await finish('first');
  expect(ends).toEqual(['first made', '1 refused', '2 refused']);
  expect(started()).toEqual(['first', '3']);
});

it('makes no call that cannot finish in time, wherever in the queue it is', async () => {
  const { ask, finish, started, ends, patience } = setUp(1);
  await ask('first', '1', '2', '3');
  patience.set('2', -1).set('3', -1);
  await finish('first');
  expect(ends).toEqual(['first made', '3 refused', '2 refused']);
  expect(started()).toEqual(['first', '1']);
  await finish('1');
  await ask('4');
  expect(started()).toEqual(['first', '1', '4']);
});

it('queues 1,000 calls, and of more refuses the oldest at once', async () => {
  const { ask, started, ends } = setUp(1);
  await ask('first', ...Array.from({ length: 1_000 }, (_, n) => `${n + 1}`));
  expect(ends).toEqual([]);
  await ask('last');
  expect(ends).toEqual(['1 refused']);
  expect(started()).toEqual(['first']);
});

it('makes a queued call in the context of the invocation that asked, not of the one that freed the slot', async () => {
  const queue = createAdaptiveQueue(1);
  const invocation = new AsyncLocalStorage<string>();
  const room = deferred();
  async function call() {
    await room.promise;
    return invocation.getStore();
  }
  const ask = (name: string) => invocation.run(name, () => queue(call, () => true));
  const answers = Promise.all([ask('first'), ask('second')]);
  room.resolve();
  expect(await answers).toEqual(['first', 'second']);
});
