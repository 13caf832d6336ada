/** A storm of notes: clients that place one after another, each on its own, until they are told to calm down. */
import { place } from './place';
import { noteWithKey, noteWithoutKey, type PlacedNote } from './placed-note';
import type { Stand } from './stand';

const CLIENTS = 12;
/** One note in so many goes without a key. */
const KEYLESS_EVERY = 5;

export interface Storm {
  /** All that the clients have asked for. */
  readonly notes: readonly PlacedNote[];
  /** Resolves when each client has placed its first note, and so both instances are warm. */
  readonly underWay: Promise<unknown>;
  /** No new notes any more; resolves when each client has placed its last one. */
  calm(): Promise<void>;
}

export function startStorm(stand: Stand, name: string): Storm {
  const notes: PlacedNote[] = [];
  let isCalm = false;

  async function placeNext(): Promise<void> {
    const n = notes.length;
    const note = n % KEYLESS_EVERY === 0 ? noteWithoutKey(name, n) : noteWithKey(name, n);
    notes.push(note);
    stand.notes.push(note);
    await place(stand, note, n);
  }
  const first = Array.from({ length: CLIENTS }, placeNext);
  const clients = first.map(async (placed) => {
    await placed;
    while (!isCalm) await placeNext();
  });
  return {
    notes,
    underWay: Promise.all(first),
    async calm() {
      isCalm = true;
      await Promise.all(clients);
    },
  };
}

/** Every note with a key is asked for once more, as by clients who want to be sure. */
export async function repeatAll(stand: Stand, notes: readonly PlacedNote[]): Promise<void> {
  const open = notes.filter(({ key }) => key !== undefined).entries();
  const clients = Array.from({ length: CLIENTS }, async () => {
    for (const [n, note] of open) await place(stand, note, n);
  });
  await Promise.all(clients);
}
