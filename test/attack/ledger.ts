/** What the app has promised to keep: the orders that it answered with 201, and the keys that they came with. */
import type { Answer } from './connection';

export interface Order {
  readonly item: string;
  readonly quantity: number;
  readonly note?: string;
}

export interface Ledger {
  /** Of the orders that there must be. */
  readonly ids: ReadonlySet<string>;
  /** What a right order must be answered: 201, or 422 when the key came with another order before. */
  expect(key: string | undefined, order: Order): string;
  /** Notes an order that was answered 201; what is wrong with that. */
  enter(key: string | undefined, order: Order, answer: Answer): string[];
  /** Notes an order of which only the answer is known. */
  enterUnseen(answer: Answer): void;
}

export function createLedger(): Ledger {
  const ids = new Set<string>();
  const byKey = new Map<string, { content: string; id: string }>();
  const contentOf = ({ item, quantity, note }: Order) => JSON.stringify([item, quantity, note]);
  const idOf = (answer: Answer) => (JSON.parse(answer.body) as { id: string }).id;

  return {
    ids,
    expect(key, order) {
      const first = key === undefined ? undefined : byKey.get(key);
      return first === undefined || first.content === contentOf(order) ? '201' : '422 idempotency_key_reused';
    },
    enter(key, order, answer) {
      const answered = JSON.parse(answer.body) as Order & { id: string };
      const first = key === undefined ? undefined : byKey.get(key);
      const isReplayed = answer.headers.get('idempotency-replayed') === 'true';
      ids.add(answered.id);
      if (key !== undefined && first === undefined) byKey.set(key, { content: contentOf(order), id: answered.id });
      return [
        ...(contentOf(answered) === contentOf(order) ? [] : ['is another order']),
        ...(answer.headers.get('location')?.endsWith(`/${answered.id}`) ? [] : ['does not lead to the order']),
        ...(isReplayed === (first !== undefined) ? [] : [`is ${isReplayed ? '' : 'not '}said to be a repeat`]),
        ...(first === undefined || first.id === answered.id ? [] : ['is a second order of one key']),
      ];
    },
    enterUnseen(answer) {
      ids.add(idOf(answer));
    },
  };
}
