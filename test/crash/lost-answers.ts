/** Clients that never hear the answer to an order that they have sent whole, and ask again, both instances at once. */
import { once } from 'node:events';
import http from 'node:http';
import { headersFor, place } from './place';
import { acknowledgements, orderWithKey, type PlacedOrder } from './placed-order';
import type { Stand } from './stand';

const REPEATS = 4;

/** @returns how many of the orders were placed by the request whose client had gone */
export async function loseAnswers(stand: Stand, count: number): Promise<number> {
  const orders = ordersWithKey('lost answer', count);
  for (const [n, order] of orders.entries()) {
    await sendAndLeave(stand, order, n);
    await placeSeveralTimes(stand, order);
  }
  return orders.filter((order) => acknowledgements(order).every(({ replayed }) => replayed)).length;
}

/** Here all answers arrive, and one of them is the first. */
export async function race(stand: Stand, count: number): Promise<void> {
  for (const order of ordersWithKey('race', count)) await placeSeveralTimes(stand, order);
}

function ordersWithKey(name: string, count: number): PlacedOrder[] {
  return Array.from({ length: count }, (_, n) => orderWithKey(name, n));
}

/** Closes the connection, or breaks it, as soon as the system has taken the last byte. */
async function sendAndLeave(stand: Stand, order: PlacedOrder, n: number): Promise<void> {
  const { url } = stand.instances[n % 2 === 0 ? 0 : 1];
  const sentAtMs = performance.now();
  const headers = headersFor(stand.token(order.user), order);
  const request = http.request(`${url}/api/orders`, { method: 'POST', headers, agent: false });
  request.on('error', () => {}); // as it is left
  request.end(JSON.stringify(order.content));
  await once(request, 'finish');
  if (n % 4 < 2) request.destroy();
  else request.socket?.resetAndDestroy();
  order.attempts.push({ url, sentAtMs, endedAtMs: performance.now(), outcome: { kind: 'unanswered' } });
}

async function placeSeveralTimes(stand: Stand, order: PlacedOrder): Promise<void> {
  stand.orders.push(order);
  await Promise.all(Array.from({ length: REPEATS }, (_, turn) => place(stand, order, turn)));
}
