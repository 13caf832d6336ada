import { createClock } from '../../shared/clock';
import { createFakeClock } from '../harness/fake-clock';

const START_MS = Date.UTC(2026, 0, 1);

it('tells wall time and elapsed time as both go on', () => {
  const clock = createFakeClock(START_MS);
  clock.advance(1_500);
  expect([clock.now(), clock.elapsed()]).toEqual([START_MS + 1_500, 1_500]);
});

it('never goes back when the wall clock is set back, and goes on with the time that elapses', () => {
  const clock = createFakeClock(START_MS);
  clock.advance(10_000);
  clock.moveWall(-3_600_000);
  expect(clock.now()).toBe(START_MS + 10_000);
  clock.advance(5_000);
  expect([clock.now(), clock.elapsed()]).toEqual([START_MS + 15_000, 15_000]);
});

it('follows the wall clock forward, as after the machine slept, and elapsed time does not', () => {
  const clock = createFakeClock(START_MS);
  clock.moveWall(3_600_000);
  expect([clock.now(), clock.elapsed()]).toEqual([START_MS + 3_600_000, 0]);
});

it('tells wall time in whole milliseconds, although elapsed time has fractions', () => {
  let wallMs = START_MS;
  let elapsedMs = 5_000.25;
  const clock = createClock(
    () => wallMs,
    () => elapsedMs,
  );
  wallMs -= 1_000;
  elapsedMs += 100.5;
  expect([clock.now(), clock.elapsed()]).toEqual([START_MS + 100, 5_100.75]);
});
