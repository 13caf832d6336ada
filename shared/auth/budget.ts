/** How long the validation of one token may take. Every other limit is computed from this. */

/** Milliseconds: all; reading and writing the row, together; an answer's handler and an event loop that is late. */
const [totalMs, tableMs, reserveMs] = [3_000, 250, 300];

/** Milliseconds. `identityMs` is for all calls of one token, and for the time it waits in the queue. */
export const BUDGET = Object.freeze({ totalMs, tableMs, identityMs: totalMs - tableMs - reserveMs });
