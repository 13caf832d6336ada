/** Clocks that stand still until the test moves them. */
import { type Clock, createClock } from '../../shared/clock';

export interface FakeClock extends Clock {
  /** Moves both clocks, as time does. */
  advance(ms: number): void;
  /** Moves the wall clock alone: negative when somebody sets it back, positive after the machine slept. */
  moveWall(ms: number): void;
}

export function createFakeClock(startMs = Date.UTC(2026, 0, 1)): FakeClock {
  let wallMs = startMs;
  let elapsedMs = 0;
  const clock = createClock(
    () => wallMs,
    () => elapsedMs,
  );
  return {
    ...clock,
    advance(ms) {
      wallMs += ms;
      elapsedMs += ms;
    },
    moveWall(ms) {
      wallMs += ms;
    },
  };
}
