/** The one place that reads the clocks, so that tests can replace them. */

export interface Clock {
  /** Wall time for absolute times: whole milliseconds since the Unix epoch. Never behind the time since the start. */
  readonly now: () => number;
  /** Monotonic time for durations: milliseconds since an arbitrary start. Stands still while the machine sleeps. */
  readonly elapsed: () => number;
}

/** Setting the wall clock back has no effect: wall time is at least the start time plus the time elapsed since then. */
export function createClock(wall: () => number, monotonic: () => number): Clock {
  const wallAtStartMs = wall() - monotonic();
  return { now: () => Math.max(wall(), Math.floor(wallAtStartMs + monotonic())), elapsed: monotonic };
}

export const systemClock = createClock(
  () => Date.now(),
  () => performance.now(),
);
