/** One of many users of the cards: gets a token, uses it until it is over, gets another. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Action, createActions, type Surroundings } from './actions';
import type { Book } from './book';
import type { Random } from './random';
import { LONG_SECONDS } from './tokens';

export interface Client {
  run(isOver: () => boolean): Promise<void>;
  /** When nothing fails any more: repeats what was never acknowledged, then looks at all of its notes. */
  settle(): Promise<void>;
}

const THINK_MS = [30, 250] as const;
/** Who opens a page may well send so many requests. */
const AT_ONCE = 3;

/** @param books its own, in which nobody else places notes; @param random its own, too */
export function createClient(books: readonly Book[], random: Random, surroundings: Surroundings): Client {
  const { hosts, mint, lifeSeconds } = surroundings;
  const actions = createActions(surroundings, random);
  const { whoami, send, place, repeat, list, read, pry, blunder, intrude, listAll } = actions;
  const weights: readonly (readonly [number, Action])[] = [
    [10, (token) => whoami(token)],
    [3, place],
    [2, repeat],
    [2, list],
    [3, read],
    [1, pry],
    [1, blunder],
    [1, intrude],
  ];
  const choices = weights.flatMap(([weight, action]) => Array<Action>(weight).fill(action));

  return {
    async run(isOver) {
      while (!isOver()) {
        const book = random.pick(books);
        const token = mint.good(book.owner, random.integer(...lifeSeconds));
        const first = random.pick(hosts);
        await Promise.all(Array.from({ length: AT_ONCE }, () => whoami(token, first)));
        while (!isOver() && Date.now() < token.expiresAtMs) {
          await random.pick(choices)(token, book);
          await delay(random.integer(...THINK_MS));
        }
        // It was good a moment ago, and memory and table have it.
        if (Date.now() >= token.expiresAtMs) for (const host of hosts) await whoami(token, host);
      }
    },
    async settle() {
      for (const book of books) {
        const token = mint.good(book.owner, LONG_SECONDS);
        const unsure = book.placed.filter(({ id, key }) => id === undefined && key !== undefined);
        for (const placed of unsure) await send(token, book, placed, 'note repeated');
        book.settle(await listAll(token));
      }
    },
  };
}
