/**
 * Holds what the clients were told against what there is: the rows of the table, read past the app, and what the app
 * itself lists. Every acknowledged note once, each record of a key beside its note, and nothing that nobody asked for.
 */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Note } from '../../test/harness/note';
import { type Finding, unless } from './finding';
import { acknowledgements, type Outcome, type PlacedNote, users } from './placed-note';
import type { Stand } from './stand';

type Row = { partitionKey: string; rowKey: string; cardId?: string; itemId?: string; content: string; digest: string };

/** Where the machine is busy, the storage may take longer than the app waits. */
const MAX_ATTEMPTS = 6;
const PAUSE_MS = 500;

/** A note's id, and its content, as JSON. */
type Contents = ReadonlyMap<string, string>;

interface Found {
  readonly notes: Contents;
  /** The digest of each, by the id of the note that it names; one id more than once is a finding. */
  readonly records: Contents;
  readonly doubledRecords: readonly string[];
}

export async function audit(stand: Stand): Promise<Finding[]> {
  const { notes } = stand;
  const found = await readTable(stand);
  const listed = (await Promise.all(users.map((user) => listThroughApp(stand, user)))).flat();
  return [
    ...notes.flatMap((note) => [...judgeAnswers(note), ...judgeRows(note, found)]),
    ...judgeStrangers(notes, found),
    ...judgeList(listed, found.notes),
  ];
}

/** The rows of this stand's card. The partition of a record tells whose it is, since it has no other column for that. */
async function readTable({ table, card }: Stand): Promise<Found> {
  const rows: Row[] = [];
  for await (const row of table.listEntities<Row>()) rows.push(row);
  const own = new Set(rows.filter(({ cardId }) => cardId === card).map(({ partitionKey }) => partitionKey));
  const ownRows = rows.filter(({ partitionKey }) => own.has(partitionKey));
  const records = ownRows.filter(({ rowKey }) => rowKey.startsWith('key-'));
  const ids = records.map(({ itemId = '' }) => itemId);
  return {
    notes: new Map(
      ownRows
        .filter(({ rowKey }) => rowKey.startsWith('item-'))
        .map(({ rowKey, content }) => [rowKey.slice('item-'.length), content]),
    ),
    records: new Map(records.map(({ itemId = '', digest }) => [itemId, digest])),
    doubledRecords: ids.filter((id, index) => ids.indexOf(id) !== index),
  };
}

async function listThroughApp({ instances, token }: Stand, user: string): Promise<string[]> {
  const headers = { authorization: `Bearer ${token(user)}` };
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const url = `${instances[0].url}/api/notes?limit=25${cursor === undefined ? '' : `&cursor=${cursor}`}`;
    const page = await readPage(url, headers);
    ids.push(...page.notes.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return ids;
}

async function readPage(url: string, headers: Record<string, string>): Promise<{ notes: Note[]; nextCursor?: string }> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(url, { headers });
    if (response.ok) return (await response.json()) as { notes: Note[]; nextCursor?: string };
    if (attempt === MAX_ATTEMPTS) throw new Error(`The list of notes was answered ${response.status}.`);
    await delay(PAUSE_MS);
  }
}

/** One note, one id; 503 with Retry-After where there is none yet; and with a key, an answer in the end. */
function judgeAnswers(note: PlacedNote): Finding[] {
  const { name, key, content, attempts } = note;
  const acknowledged = acknowledgements(note);
  const ids = new Set(acknowledged.map((one) => one.note.id));
  const firsts = acknowledged.filter(({ replayed }) => !replayed).length;
  const noneFailed = acknowledged.length === attempts.length;
  return [
    ...unless(key === undefined || ids.size > 0, 'wrong', `${name}: never acknowledged`),
    ...unless(ids.size <= 1, 'doubled', `${name}: acknowledged as ${ids.size} notes`),
    ...unless(firsts <= 1, 'doubled', `${name}: acknowledged as new ${firsts} times`),
    ...unless(firsts > 0 || !noneFailed, 'wrong', `${name}: never acknowledged as new`),
    ...unless(
      acknowledged.every((one) => one.note.item === content.item),
      'wrong',
      `${name}: another note was acknowledged`,
    ),
    ...attempts.flatMap(({ outcome }) => unless(isAllowed(outcome), 'wrong', `${name}: ${JSON.stringify(outcome)}`)),
  ];
}

function isAllowed(outcome: Outcome): boolean {
  if (outcome.kind !== 'refused') return true;
  const { status, code, retryAfterSeconds } = outcome;
  return status === 503 && /^(storage|identity)_unavailable$/.test(code) && retryAfterSeconds >= 1;
}

/** An acknowledged note has its row, and with a key its record, with its digest. */
function judgeRows(note: PlacedNote, { notes, records }: Found): Finding[] {
  const { name, key, content } = note;
  const id = acknowledgements(note)[0]?.note.id;
  if (id === undefined) return [];
  const wanted = JSON.stringify(content);
  if (notes.get(id) !== wanted) return unless(false, 'lost', `${name}: acknowledged, and has no row`);
  const digest = createHash('sha256').update(wanted).digest('hex');
  return unless(records.get(id) === (key && digest), 'lost', `${name}: has ${key ? 'no' : 'a'} record of a key`);
}

/** Rows that no client was told of: at most one for each note without a key that was not acknowledged. */
function judgeStrangers(notes: readonly PlacedNote[], { notes: rows, records, doubledRecords }: Found): Finding[] {
  const ids = notes.flatMap((note) => [...new Set(acknowledgements(note).map((one) => one.note.id))]);
  const told = new Set(ids);
  const open = new Set(
    notes
      .filter((note) => note.key === undefined && acknowledgements(note).length === 0)
      .map(({ content }) => JSON.stringify(content)),
  );
  return [
    ...unless(told.size === ids.length, 'lost', 'several notes were acknowledged as the same'),
    ...doubledRecords.flatMap((id) => unless(false, 'lost', `several keys have the note ${id}`)),
    ...[...records.keys()].flatMap((id) => unless(rows.has(id), 'lost', `a record of a key has no note: ${id}`)),
    ...[...rows].flatMap(([id, content]) =>
      unless(told.has(id) || open.delete(content), 'doubled', `a row that nobody was told of: ${content}`),
    ),
  ];
}

function judgeList(listed: readonly string[], rows: Contents): Finding[] {
  const ids = new Set(listed);
  const missing = [...rows.keys()].filter((id) => !ids.has(id)).length;
  return [
    ...unless(missing === 0, 'lost', `${missing} notes have rows, and are not listed`),
    ...unless(listed.length === ids.size, 'doubled', 'notes are listed more than once'),
  ];
}
