/** The ways in which the stand-in can be told to fail, as a remote service does. */

import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';

const faultSchema = v.variant('kind', [
  v.strictObject({
    kind: v.literal('status'),
    status: v.pipe(v.number(), v.integer(), v.minValue(200), v.maxValue(599)),
    retryAfterSeconds: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  }),
  /** Answers as usual, but later. */
  v.strictObject({ kind: v.literal('delay'), delayMs: v.pipe(v.number(), v.minValue(0), v.maxValue(60_000)) }),
  /** Accepts the request and never answers. */
  v.strictObject({ kind: v.literal('hang') }),
  /** Breaks the connection. */
  v.strictObject({ kind: v.literal('reset') }),
  v.strictObject({
    kind: v.literal('body'),
    status: v.pipe(v.number(), v.integer(), v.minValue(200), v.maxValue(599)),
    contentType: v.string(),
    body: v.string(),
  }),
  v.strictObject({ kind: v.literal('redirect'), location: v.string() }),
  /** Answers 200 with JSON of this many bytes. */
  v.strictObject({
    kind: v.literal('oversize'),
    bytes: v.pipe(v.number(), v.integer(), v.minValue(100), v.maxValue(1e8)),
  }),
]);

/** What `PUT /control` takes: the fault, and for how many calls. */
export const controlSchema = v.strictObject({
  fault: faultSchema,
  /** Without it, until `DELETE /control`. */
  times: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

export type Fault = v.InferOutput<typeof faultSchema>;

/** Resolves with true when the usual answer shall follow. `signal` ends a delay. */
export async function applyFault(fault: Fault, response: ServerResponse, signal: AbortSignal): Promise<boolean> {
  switch (fault.kind) {
    case 'status': {
      const { status, retryAfterSeconds } = fault;
      const retryAfter = retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) };
      response.writeHead(status, { 'Content-Type': 'application/json', ...retryAfter });
      response.end(JSON.stringify({ error: `told to answer ${status}` }));
      return false;
    }
    case 'delay':
      return delay(fault.delayMs, true, { signal }).catch(() => false);
    case 'hang':
      return false;
    case 'reset':
      response.socket?.resetAndDestroy();
      return false;
    case 'body':
      response.writeHead(fault.status, { 'Content-Type': fault.contentType }).end(fault.body);
      return false;
    case 'redirect':
      response.writeHead(302, { Location: fault.location }).end();
      return false;
    case 'oversize':
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ id: 'oversize', padding: '' }).replace('""', `"${'x'.repeat(fault.bytes - 30)}"`));
      return false;
  }
}
