/** Clients that never hear the answer to a note that they have sent whole, and ask again, both instances at once. */
import { once } from 'node:events';
import http from 'node:http';
import { headersFor, place } from './place';
import { acknowledgements, noteWithKey, type PlacedNote } from './placed-note';
import type { Stand } from './stand';

const REPEATS = 4;

/** @returns how many of the notes were placed by the request whose client had gone */
export async function loseAnswers(stand: Stand, count: number): Promise<number> {
  const notes = notesWithKey('lost answer', count);
  for (const [n, note] of notes.entries()) {
    await sendAndLeave(stand, note, n);
    await placeSeveralTimes(stand, note);
  }
  return notes.filter((note) => acknowledgements(note).every(({ replayed }) => replayed)).length;
}

/** Here all answers arrive, and one of them is the first. */
export async function race(stand: Stand, count: number): Promise<void> {
  for (const note of notesWithKey('race', count)) await placeSeveralTimes(stand, note);
}

function notesWithKey(name: string, count: number): PlacedNote[] {
  return Array.from({ length: count }, (_, n) => noteWithKey(name, n));
}

/** Closes the connection, or breaks it, as soon as the system has taken the last byte. */
async function sendAndLeave(stand: Stand, note: PlacedNote, n: number): Promise<void> {
  const { url } = stand.instances[n % 2 === 0 ? 0 : 1];
  const sentAtMs = performance.now();
  const headers = headersFor(stand.token(note.user), note);
  const request = http.request(`${url}/api/notes`, { method: 'POST', headers, agent: false });
  request.on('error', () => {}); // as it is left
  request.end(JSON.stringify(note.content));
  await once(request, 'finish');
  if (n % 4 < 2) request.destroy();
  else request.socket?.resetAndDestroy();
  note.attempts.push({ url, sentAtMs, endedAtMs: performance.now(), outcome: { kind: 'unanswered' } });
}

async function placeSeveralTimes(stand: Stand, note: PlacedNote): Promise<void> {
  stand.notes.push(note);
  await Promise.all(Array.from({ length: REPEATS }, (_, turn) => place(stand, note, turn)));
}
