/** What a client does with its token, and what it then expects to be told. */
import { people } from '../../local/identity-service/people';
import type { Note } from '../../test/harness/note';
import type { Ask } from './ask';
import type { Book, Placed } from './book';
import type { Question } from './judge';
import type { Random } from './random';
import type { SoakHost } from './stand';
import type { Tally } from './tally';
import type { Mint, Token } from './tokens';

export interface Surroundings {
  /** Of a token, at least and at most. */
  readonly lifeSeconds: readonly [number, number];
  readonly hosts: readonly SoakHost[];
  readonly mint: Mint;
  readonly ask: Ask;
  readonly tally: Tally;
  /** Of all clients. */
  readonly books: readonly Book[];
}

export type Action = (token: Token, book: Book) => Promise<void>;

/** Of a body that is refused: large, so that who keeps bodies is seen to grow. */
const REFUSED_CHARACTERS = 60_000;

interface NotesPage {
  readonly notes: Note[];
  readonly nextCursor?: string;
}

type Rest = Pick<Question, 'token'> & Partial<Pick<Question, 'host' | 'body' | 'idempotencyKey'>>;

export function createActions({ hosts, mint, ask, tally, books }: Surroundings, random: Random) {
  const anyHost = () => random.pick(hosts);

  async function whoami(token: Token, host = anyHost()): Promise<void> {
    const question = { kind: 'whoami', method: 'GET', path: 'whoami', expected: '200', usesStorage: false } as const;
    const body = await ask({ ...question, host, token });
    if (body === undefined) return;
    const { user, card } = token.owner;
    if (body.id !== people[user]?.id || body.actionPackageId !== card) tally.complain('identity', `by ${host.name}`);
  }

  /** Of a note, or of all. */
  function askForNotes(kind: string, path: string, rest: Rest, expected = '200') {
    const method = rest.body === undefined ? 'GET' : 'POST';
    return ask({ kind, method, path, expected, usesStorage: true, host: anyHost(), ...rest });
  }

  async function send(token: Token, book: Book, placed: Placed, kind: string, host = anyHost()): Promise<void> {
    const { note, key } = placed;
    const rest = { host, token, body: note, ...(key !== undefined && { idempotencyKey: key }) };
    const body = await askForNotes(kind, 'notes', rest, '201');
    if (body !== undefined) book.acknowledge(placed, body);
  }

  const place: Action = async (token, book) => {
    const placed = book.add();
    const isTwofold = placed.key !== undefined && random.pick([true, false]);
    const chosen = isTwofold ? hosts : [anyHost()];
    await Promise.all(chosen.map((host) => send(token, book, placed, 'note placed', host)));
  };

  const repeat: Action = async (token, book) => {
    const keyed = book.placed.filter(({ key }) => key !== undefined);
    if (keyed.length > 0) await send(token, book, random.pick(keyed), 'note repeated');
  };

  const list: Action = async (token, book) => {
    const body = await askForNotes('notes listed', `notes?limit=${random.integer(1, 100)}`, { token });
    if (body !== undefined) book.compare(body.notes);
  };

  const read: Action = async (token, book) => {
    const id = anyNoteOf(book);
    const body = id && (await askForNotes('note read', `notes/${id}`, { token }));
    if (body) book.compare([body]);
  };

  /** Into the notes of somebody else. */
  const pry: Action = async (token, book) => {
    const id = anyNoteOf(random.pick(books.filter((other) => other !== book)));
    if (id) await askForNotes("another's note asked for", `notes/${id}`, { token }, '404 not_found');
  };

  const blunder: Action = async (token) => {
    const body = { item: 'x', quantity: 1, note: 'x'.repeat(REFUSED_CHARACTERS) };
    await askForNotes('body refused', 'notes', { token, body }, '400 invalid_body');
  };

  /** With a token that is none, and again. */
  const intrude: Action = async ({ owner }) => {
    const kinds = [() => mint.forged(owner, 'word'), () => mint.forged(owner, 'jwt'), () => mint.foreign(owner)];
    const token = random.pick([...kinds, () => mint.good(owner, -1)])();
    const host = anyHost();
    await whoami(token, host);
    await whoami(token, host);
  };

  /** All notes of the token's owner, page by page; undefined when a page is not to be had. */
  async function listAll(token: Token): Promise<Note[] | undefined> {
    const notes: Note[] = [];
    let cursor: string | undefined = '';
    while (cursor !== undefined) {
      const path: string = `notes?limit=100${cursor && `&cursor=${cursor}`}`;
      const page: NotesPage | undefined = await askForNotes('notes listed', path, { token });
      if (page === undefined) return undefined;
      notes.push(...page.notes);
      cursor = page.nextCursor;
    }
    return notes;
  }

  function anyNoteOf(book: Book): string | undefined {
    return book.placed.length === 0 ? undefined : random.pick(book.placed).id;
  }

  return { whoami, send, place, repeat, list, read, pry, blunder, intrude, listAll };
}
