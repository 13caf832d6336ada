import { AsyncLocalStorage } from 'node:async_hooks';
import { createCallLimit, NoTurnError } from '../../shared/auth/call-limit';
import { type Deferred, deferred } from '../harness/deferred';

/** Calls by their names: what has begun, in order, and how each ended. */
function setUp(maxAtATime: number) {
  const limit = createCallLimit(maxAtATime);
  const calls = new Map<string, Deferred<void>>();
  const late = new Set<string>();
  const ends: string[] = [];
  const run = (name: string) =>
    limit
      .run(
        () => {
          const call = deferred();
          calls.set(name, call);
          return call.promise;
        },
        () => !late.has(name),
      )
      .then(
        () => ends.push(`${name} made`),
        (error: unknown) => ends.push(`${name} ${error instanceof NoTurnError ? 'refused' : (error as Error).message}`),
      );
  const settle = () => new Promise<void>(setImmediate);
  return {
    begun: () => [...calls.keys()],
    ends,
    late,
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

it('serves the newest and the oldest in turn', async () => {
  const { ask, finish, begun } = setUp(1);
  await ask('first', '1', '2', '3', '4', '5');
  for (const name of ['first', '5', '1', '4', '2', '3']) await finish(name);
  expect(begun()).toEqual(['first', '5', '1', '4', '2', '3']);
});

it('refuses who cannot finish any more when a turn comes, and then serves the newest first', async () => {
  const { ask, finish, begun, ends, late } = setUp(1);
  await ask('first', '1', '2', '3', '4', '5', '6');
  await finish('first'); // 6 begins, and the oldest would be next
  late.add('1').add('2');
  await finish('6');
  expect(ends).toEqual(['first made', '6 made', '1 refused', '2 refused']);
  expect(begun()).toEqual(['first', '6', '5']);
  await finish('5');
  expect(begun()).toEqual(['first', '6', '5', '3']);
});

it('makes no call that cannot finish any more, wherever in the line it is', async () => {
  const { ask, finish, begun, ends, late } = setUp(1);
  await ask('first', '1', '2', '3');
  late.add('2').add('3');
  await finish('first');
  expect(begun()).toEqual(['first', '1']);
  expect(ends).toEqual(['first made', '3 refused']);
  await finish('1');
  expect(begun()).toEqual(['first', '1']);
  expect(ends).toEqual(['first made', '3 refused', '1 made', '2 refused']);
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
