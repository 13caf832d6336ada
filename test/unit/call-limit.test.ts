import { AsyncLocalStorage } from 'node:async_hooks';
import { createCallLimit, NoTurnError } from '../../shared/auth/call-limit';
import { type Deferred, deferred } from '../harness/deferred';

/** Calls by their names: what has begun, in order, and how each ended. */
function setUp(maxAtATime: number) {
  const limit = createCallLimit(maxAtATime);
  const calls = new Map<string, Deferred<void>>();
  /** In rounds. Default: whatever it takes. */
  const patience = new Map<string, number>();
  const ends: string[] = [];
  const run = (name: string) =>
    limit
      .run(
        () => {
          const call = deferred();
          calls.set(name, call);
          return call.promise;
        },
        (rounds) => rounds <= (patience.get(name) ?? Number.POSITIVE_INFINITY),
      )
      .then(
        () => ends.push(`${name} made`),
        (error: unknown) => ends.push(`${name} ${error instanceof NoTurnError ? 'refused' : (error as Error).message}`),
      );
  const settle = () => new Promise<void>(setImmediate);
  return {
    begun: () => [...calls.keys()],
    ends,
    patience,
    async ask(...names: string[]) {
      for (const name of names) void run(name);
      await settle();
    },
    async finish(name: string, error?: Error) {
      if (error) calls.get(name)?.reject(error);
      else calls.get(name)?.resolve();
      await settle();
    },
  };
}

it('makes calls at once up to the cap, and one more for each that ends, well or not', async () => {
  const { ask, finish, begun, ends } = setUp(2);
  await ask('a', 'b', 'c', 'd');
  expect(begun()).toEqual(['a', 'b']);
  await finish('a');
  expect(begun()).toHaveLength(3);
  await finish('b', new Error('broke'));
  expect(begun()).toHaveLength(4);
  await ask('e');
  expect(begun()).not.toContain('e');
  await finish('c');
  await finish('d');
  await finish('e');
  expect(ends.sort()).toEqual(['a made', 'b broke', 'c made', 'd made', 'e made']);
  await ask('f', 'g');
  expect(begun()).toEqual(expect.arrayContaining(['f', 'g']));
});

it('serves the oldest first, as long as there is time for all', async () => {
  const { ask, finish, begun, patience } = setUp(2);
  for (const name of ['1', '2', '3', '4', '5']) patience.set(name, 2);
  await ask('a', 'b', '1', '2', '3', '4', '5'); // of which the last begins after two rounds
  for (const name of ['a', 'b', '1', '2', '3', '4', '5']) await finish(name);
  expect(begun()).toEqual(['a', 'b', '1', '2', '3', '4', '5']);
});

it('serves the newest first, as long as there is not', async () => {
  const { ask, finish, begun, patience } = setUp(2);
  for (const name of ['1', '2', '3', '4', '5']) patience.set(name, 1);
  await ask('a', 'b', '1', '2', '3', '4', '5');
  for (const name of ['a', 'b', '5', '4', '1', '2', '3']) await finish(name);
  expect(begun()).toEqual(['a', 'b', '5', '4', '1', '2', '3']);
});

it('asks the last in the line whether there is time for it after the others', async () => {
  const { ask, finish, begun, patience } = setUp(1);
  patience.set('3', 1);
  await ask('first', '1', '2', '3');
  for (const name of ['first', '3', '1']) await finish(name);
  expect(begun()).toEqual(['first', '3', '1', '2']);
});

it('refuses who cannot finish any more also while the newest are first', async () => {
  const { ask, finish, begun, ends, patience } = setUp(1);
  for (const name of ['1', '2', '3']) patience.set(name, 0);
  await ask('first', '1', '2', '3');
  patience.set('1', -1);
  await finish('first');
  expect(begun()).toEqual(['first', '3']);
  expect(ends).toEqual(['first made', '1 refused']);
});

it('refuses who cannot finish any more when a turn comes', async () => {
  const { ask, finish, begun, ends, patience } = setUp(1);
  await ask('first', '1', '2', '3');
  patience.set('1', -1).set('2', -1);
  await finish('first');
  expect(ends).toEqual(['first made', '1 refused', '2 refused']);
  expect(begun()).toEqual(['first', '3']);
});

it('makes no call that cannot finish any more, wherever in the line it is', async () => {
  const { ask, finish, begun, ends, patience } = setUp(1);
  await ask('first', '1', '2', '3');
  patience.set('2', -1).set('3', -1);
  await finish('first');
  expect(ends).toEqual(['first made', '3 refused', '2 refused']);
  expect(begun()).toEqual(['first', '1']);
  await finish('1');
  await ask('4');
  expect(begun()).toEqual(['first', '1', '4']);
});

it('lets 1,000 wait, and of more refuses the oldest at once', async () => {
  const { ask, begun, ends } = setUp(1);
  await ask('first', ...Array.from({ length: 1_000 }, (_, n) => `${n + 1}`));
  expect(ends).toEqual([]);
  await ask('last');
  expect(ends).toEqual(['1 refused']);
  expect(begun()).toEqual(['first']);
});

it('makes a call that has waited as part of what asked for it, not of what made room for it', async () => {
  const limit = createCallLimit(1);
  const asking = new AsyncLocalStorage<string>();
  const room = deferred();
  const ask = (name: string) =>
    asking.run(name, () =>
      limit.run(
        async () => {
          await room.promise;
          return asking.getStore();
        },
        () => true,
      ),
    );
  const answers = Promise.all([ask('first'), ask('second')]);
  room.resolve();
  expect(await answers).toEqual(['first', 'second']);
});
