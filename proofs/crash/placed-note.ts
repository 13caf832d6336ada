/** A note that a client wants placed, and what became of each time that it asked for it. */
import { people } from '../../local/identity-service/people';
import type { NewNote, Note } from '../../test/harness/note';

/** What a client was told. */
export type Outcome =
  | { readonly kind: 'acknowledged'; readonly note: Note; readonly replayed: boolean }
  | { readonly kind: 'refused'; readonly status: number; readonly code: string; readonly retryAfterSeconds: number }
  | { readonly kind: 'unanswered' };

export type Acknowledgement = Extract<Outcome, { kind: 'acknowledged' }>;

export interface Attempt {
  /** The instance that was asked. */
  readonly url: string;
  readonly sentAtMs: number;
  readonly endedAtMs: number;
  readonly outcome: Outcome;
}

export interface PlacedNote {
  readonly name: string;
  readonly user: string;
  readonly key: string | undefined;
  readonly content: NewNote;
  readonly attempts: Attempt[];
}

export const users = Object.keys(people);

/** Each user wants the same twice in a storm, which with two keys makes two notes. */
export function noteWithKey(storm: string, n: number): PlacedNote {
  const name = `${storm}, note ${n}`;
  const item = `${storm}, dish ${Math.floor(n / (2 * users.length))}`;
  return { name, user: userOf(n), key: name.replace(/\W+/g, '-'), content: { item, quantity: 1 }, attempts: [] };
}

/** What is wanted without a key is known by its unique name. */
export function noteWithoutKey(storm: string, n: number): PlacedNote {
  const name = `${storm}, note ${n}`;
  return { name, user: userOf(n), key: undefined, content: { item: name, quantity: 1 }, attempts: [] };
}

function userOf(n: number): string {
  return users[n % users.length] ?? '';
}

export function acknowledgements({ attempts }: PlacedNote): Acknowledgement[] {
  return attempts.map(({ outcome }) => outcome).filter((outcome) => outcome.kind === 'acknowledged');
}

export function isUnanswered({ outcome }: Attempt): boolean {
  return outcome.kind === 'unanswered';
}
