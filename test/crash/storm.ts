/** A storm of orders: clients that place one after another, each on its own, until they are told to calm down. */
import { bulkhead } from 'cockatiel';
import { place } from './place';
import { orderWithKey, orderWithoutKey, type PlacedOrder } from './placed-order';
import type { Stand } from './stand';

const CLIENTS = 12;
/** One order in so many goes without a key. */
const KEYLESS_EVERY = 5;

export interface Storm {
  /** All that the clients have asked for. */
  readonly orders: readonly PlacedOrder[];
  /** Resolves when each client has placed its first order, and so both instances are warm. */
  readonly underWay: Promise<unknown>;
  /** No new orders any more; resolves when each client has placed its last one. */
  calm(): Promise<void>;
}

export function startStorm(stand: Stand, name: string): Storm {
  const orders: PlacedOrder[] = [];
  let isCalm = false;

  async function placeNext(): Promise<void> {
    const n = orders.length;
    const order = n % KEYLESS_EVERY === 0 ? orderWithoutKey(name, n) : orderWithKey(name, n);
    orders.push(order);
    stand.orders.push(order);
    await place(stand, order, n);
  }
  const first = Array.from({ length: CLIENTS }, placeNext);
  const clients = first.map(async (placed) => {
    await placed;
    while (!isCalm) await placeNext();
  });
  return {
    orders,
    underWay: Promise.all(first),
    async calm() {
      isCalm = true;
      await Promise.all(clients);
    },
  };
}

/** Every order with a key is asked for once more, as by clients who want to be sure. */
export async function repeatAll(stand: Stand, orders: readonly PlacedOrder[]): Promise<void> {
  const turns = bulkhead(CLIENTS, Number.POSITIVE_INFINITY);
  const withKey = orders.filter(({ key }) => key !== undefined);
  await Promise.all(withKey.map((order, n) => turns.execute(() => place(stand, order, n))));
}
