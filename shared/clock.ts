/** The one place that reads the time, so that everything that depends on it can be tested with another clock. */

/** Milliseconds since the Unix epoch. */
export type Clock = () => number;

export const systemClock: Clock = () => Date.now();
