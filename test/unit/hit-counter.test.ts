import { createHitCounter } from '../../shared/auth/hit-counter';
import { createFakeClock } from '../harness/fake-clock';

function setUp() {
  const clock = createFakeClock();
  const log = jest.fn();
  return { clock, log, hits: createHitCounter({ clock, log }) };
}

it('writes one line for all hits once a minute has passed', () => {
  const { clock, log, hits } = setUp();
  for (const durationMs of [0.5, 1_000.5, 1, 1.001, 10, 100, 1_000]) hits.add(durationMs);
  clock.advance(59_999);
  hits.flush();
  expect(log).not.toHaveBeenCalled();
  clock.advance(1);
  hits.flush();
  expect(log.mock.calls).toEqual([
    [
      'info',
      'token_validations',
      { source: 'memory', outcome: 'valid', count: 7, sumMs: 2_113, maxMs: 1_000.5, buckets: [2, 2, 1, 1, 1] },
    ],
  ]);
});

it('rounds to hundredths of a millisecond', () => {
  const { log, hits } = setUp();
  hits.add(0.012_34);
  hits.flush(0);
  expect(log.mock.calls[0]?.[2]).toMatchObject({ sumMs: 0.01, maxMs: 0.01 });
});

it('counts each hit once, and starts the next minute with the line', () => {
  const { clock, log, hits } = setUp();
  hits.add(1);
  clock.advance(90_000);
  hits.flush();
  hits.add(2);
  clock.advance(59_999);
  hits.flush();
  expect(log).toHaveBeenCalledTimes(1);
  clock.advance(1);
  hits.flush();
  expect(log.mock.calls.map(([, , { count, sumMs, maxMs }]) => [count, sumMs, maxMs])).toEqual([
    [1, 1, 1],
    [1, 2, 2],
  ]);
});

it('writes no line without hits, and the minute starts again', () => {
  const { clock, log, hits } = setUp();
  clock.advance(60_000);
  hits.flush();
  hits.add(1);
  clock.advance(59_999);
  hits.flush();
  expect(log).not.toHaveBeenCalled();
});

it('is not misled when somebody sets the wall clock', () => {
  const { clock, log, hits } = setUp();
  hits.add(1);
  clock.moveWall(3_600_000);
  hits.flush();
  expect(log).not.toHaveBeenCalled();
  clock.moveWall(-7_200_000);
  clock.advance(60_000);
  hits.flush();
  expect(log).toHaveBeenCalledTimes(1);
});
