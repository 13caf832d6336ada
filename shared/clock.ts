/** The one place that reads the clock, so that everything that depends on it can be tested with another clock. */

/** Milliseconds since the Unix epoch. */
export type Clock = () => number;

export const systemClock: Clock = () => Date.now();

/** Milliseconds since the process began. For durations: it goes on evenly, whatever the clock is set to. */
export const uptime: Clock = () => performance.now();
