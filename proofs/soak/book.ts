/** The notes of one owner, as its client knows them, and whether what the app shows agrees. */
import { randomUUID } from 'node:crypto';
import type { NewNote, Note } from '../../test/harness/note';
import type { Random } from './random';
import type { Tally } from './tally';
import type { Owner } from './tokens';

export interface Placed {
  readonly note: NewNote;
  /** Its Idempotency-Key. */
  readonly key?: string;
  /** Once it was acknowledged. */
  id?: string;
}

export interface Book {
  readonly owner: Owner;
  readonly placed: readonly Placed[];
  /** Records a note that is about to be placed. */
  add(): Placed;
  acknowledge(placed: Placed, note: Note): void;
  /** Holds what the app shows, a page of a list or one note, against what was placed. */
  compare(shown: readonly Note[]): void;
  /** @param shown all notes that there are, when nothing happens any more; undefined if they cannot be listed */
  settle(shown: readonly Note[] | undefined): void;
}

const MAX_NOTE_CHARACTERS = 1_000;

export function createBook(owner: Owner, random: Random, tally: Tally): Book {
  const placed: Placed[] = [];
  const byItem = new Map<string, Placed>();

  function compare(shown: readonly Note[]): void {
    for (const { id, item, quantity, note } of shown) {
      const known = byItem.get(item);
      if (known?.note.quantity !== quantity || known.note.note !== note) {
        tally.complain('note', known ? 'a note is not as it was placed' : 'a note was shown to another owner');
      } else if (known.id !== undefined && known.id !== id) {
        tally.complain('twice', 'a note was shown with another id than was acknowledged');
      }
    }
    if (new Set(shown.map(({ item }) => item)).size < shown.length) tally.complain('twice', 'in one list');
  }

  return {
    owner,
    placed,
    add() {
      const one: Placed = {
        // No other note of anybody has this item, so that it tells which note this is.
        note: {
          item: `${owner.card} ${owner.user} ${placed.length}`,
          quantity: random.integer(1, 1_000),
          note: 'x'.repeat(random.integer(0, MAX_NOTE_CHARACTERS)),
        },
        ...(random.pick([true, false]) && { key: randomUUID() }),
      };
      placed.push(one);
      byItem.set(one.note.item, one);
      return one;
    },
    acknowledge(one, note) {
      if (one.id !== undefined && one.id !== note.id) tally.complain('repeat', 'with the same Idempotency-Key');
      one.id ??= note.id;
      compare([{ ...note, id: one.id }]);
    },
    compare,
    settle(shown) {
      if (shown === undefined) return tally.complain('unexplained', 'notes could not be listed at the end');
      compare(shown);
      const ids = new Set(shown.map(({ id }) => id));
      for (const { id } of placed) if (id !== undefined && !ids.has(id)) tally.complain('lost', 'at the end');
    },
  };
}
