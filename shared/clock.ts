/** The one place that reads the clocks, so that tests can replace them. */

/**
 * `now` is wall time, for absolute times: whole milliseconds since the Unix epoch. `elapsed` is monotonic, for durations:
 * milliseconds since an arbitrary start, without those in which the machine sleeps.
 */
export type Clock = Readonly<{ now: () => number; elapsed: () => number }>;

/** Setting the wall clock back has no effect: wall time is at least the start time plus the time elapsed since then. */
export function createClock(wall: () => number, monotonic: () => number): Clock {
  const wallAtStartMs = wall() - monotonic();
  return { now: () => Math.max(wall(), Math.floor(wallAtStartMs + monotonic())), elapsed: monotonic };
}

export const systemClock = createClock(
  () => Date.now(),
  () => performance.now(),
);
