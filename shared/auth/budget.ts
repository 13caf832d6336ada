/** How long the validation of one token may take. Every other limit is computed from this. */

const totalMs = 3_000;
/** Reading and writing the token's row, together. */
const tableMs = 250;
/** What is left for the handler's answer, and for an event loop that is late. */
const reserveMs = 300;

/** Milliseconds. `identityMs` is for all calls of one token, and for the time it waits in the queue. */
export const BUDGET = Object.freeze({ totalMs, tableMs, identityMs: totalMs - tableMs - reserveMs });
