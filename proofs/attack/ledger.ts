/** What the app has promised to keep: the notes that it answered with 201, and the keys that they came with. */
import type { Answer } from './connection';

export interface Note {
  readonly item: string;
  readonly quantity: number;
  readonly note?: string;
}

export interface Ledger {
  /** Of the notes that there must be. */
  readonly ids: ReadonlySet<string>;
  /** What a right note must be answered: 201, or 422 when the key came with another note before. */
  expect(key: string | undefined, note: Note): string;
  /** Records a note that was answered 201; what is wrong with that. */
  enter(key: string | undefined, note: Note, answer: Answer): string[];
  /** Records a note of which only the answer is known. */
  enterUnseen(answer: Answer): void;
}

export function createLedger(): Ledger {
  const ids = new Set<string>();
  const byKey = new Map<string, { content: string; id: string }>();
  const contentOf = ({ item, quantity, note }: Note) => JSON.stringify([item, quantity, note]);
  const idOf = (answer: Answer) => (JSON.parse(answer.body) as { id: string }).id;

  return {
    ids,
    expect(key, note) {
      const first = key === undefined ? undefined : byKey.get(key);
      return first === undefined || first.content === contentOf(note) ? '201' : '422 idempotency_key_reused';
    },
    enter(key, note, answer) {
      const answered = JSON.parse(answer.body) as Note & { id: string };
      const first = key === undefined ? undefined : byKey.get(key);
      const isReplayed = answer.headers.get('idempotency-replayed') === 'true';
      ids.add(answered.id);
      if (key !== undefined && first === undefined) byKey.set(key, { content: contentOf(note), id: answered.id });
      return [
        ...(contentOf(answered) === contentOf(note) ? [] : ['is another note']),
        ...(answer.headers.get('location')?.endsWith(`/${answered.id}`) ? [] : ['does not lead to the note']),
        ...(isReplayed === (first !== undefined) ? [] : [`is ${isReplayed ? '' : 'not '}said to be a repeat`]),
        ...(first === undefined || first.id === answered.id ? [] : ['is a second note of one key']),
      ];
    },
    enterUnseen(answer) {
      ids.add(idOf(answer));
    },
  };
}
