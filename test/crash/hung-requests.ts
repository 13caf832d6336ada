/** Stops an instance while two clients have sent half of their requests: one goes on, the other never does. */
import { once } from 'node:events';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { isListening } from '../../local/ports';
import type { Order } from '../../shared/order';
import { type Finding, unless } from './finding';
import { ENDED_WELL } from './host-ends';
import { headersFor } from './place';
import { orderWithKey, type PlacedOrder } from './placed-order';
import type { Stand } from './stand';

const POLL_MS = 10;

export async function stopWithHungRequests(stand: Stand): Promise<{ stopMs: number; findings: Finding[] }> {
  const { url, kill } = await stand.startInstance();
  const order = orderWithKey('half sent', 0);
  const goesOn = await sendHalf(stand, url, order);
  await sendHalf(stand, url, orderWithKey('half sent', 1));

  let hasEnded = false;
  const signalledAtMs = performance.now();
  const ended = kill('SIGTERM').finally(() => {
    hasEnded = true;
  });
  while (await isListening(Number(new URL(url).port))) await delay(POLL_MS);
  const refusedInTime = !hasEnded;
  const wasAnswered = await sendRest(stand, url, order, goesOn);
  const sentence = await ended;
  const stopMs = performance.now() - signalledAtMs;
  const findings = [
    ...unless(refusedInTime, 'wrong', 'who stops takes new connections until it is gone'),
    ...unless(wasAnswered, 'wrong', 'who stops does not answer what it has begun to read'),
    ...unless(sentence === ENDED_WELL, 'wrong', `who stops ends so: ${sentence}`),
  ];
  return { stopMs, findings };
}

/** Resolves when the instance has read the header, and asks for the rest. */
async function sendHalf(stand: Stand, url: string, order: PlacedOrder): Promise<ClientRequest> {
  const body = JSON.stringify(order.content);
  const headers = { ...headersFor(stand.token(order.user), order), 'content-length': body.length };
  const request = http.request(`${url}/api/orders`, {
    method: 'POST',
    headers: { ...headers, expect: '100-continue' },
    agent: false,
  });
  request.on('error', () => {}); // of the one that is never answered
  request.flushHeaders();
  await once(request, 'continue');
  request.write(body.slice(0, body.length / 2));
  return request;
}

/** Whether the answer is the order. */
async function sendRest(stand: Stand, url: string, order: PlacedOrder, request: ClientRequest): Promise<boolean> {
  if (request.closed) return false;
  const sentAtMs = performance.now();
  const body = JSON.stringify(order.content);
  request.end(body.slice(body.length / 2));
  const [response] = (await Promise.race([once(request, 'response'), once(request, 'close')])) as [IncomingMessage?];
  if (response?.statusCode !== 201) return false;
  const outcome = { kind: 'acknowledged', order: (await json(response)) as Order, replayed: false } as const;
  order.attempts.push({ url, sentAtMs, endedAtMs: performance.now(), outcome });
  stand.orders.push(order);
  return true;
}
