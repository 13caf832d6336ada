/** How a client places a note: it asks again, with the same key, until it is told that the note is there. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Note } from '../../test/harness/note';
import type { Outcome, PlacedNote } from './placed-note';
import type { Stand } from './stand';

/** For a client that gets no answer, or a bad one, all the time. */
const GIVE_UP_MS = 30_000;
/** Shorter than any Retry-After, which is the harder on the storage. */
const REPEAT_PAUSE_MS = 30;
const NO_ANSWER_MS = 10_000;

/**
 * Without a key it asks once, since to ask again would be another note.
 *
 * @param firstTurn even or odd: which of the two instances is asked first, the other one next
 */
export async function place(stand: Stand, note: PlacedNote, firstTurn: number): Promise<void> {
  const giveUpAtMs = performance.now() + GIVE_UP_MS;
  for (let turn = firstTurn; ; turn += 1) {
    const { url } = stand.instances[turn % 2 === 0 ? 0 : 1];
    const sentAtMs = performance.now();
    const outcome = await post(url, stand.token(note.user), note);
    const endedAtMs = performance.now();
    note.attempts.push({ url, sentAtMs, endedAtMs, outcome });
    const isFinal = outcome.kind === 'acknowledged' || (outcome.kind === 'refused' && outcome.status !== 503);
    if (isFinal || note.key === undefined || endedAtMs > giveUpAtMs) return;
    await delay(REPEAT_PAUSE_MS);
  }
}

export function headersFor(token: string, { key }: PlacedNote): Record<string, string> {
  return {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    ...(key !== undefined && { 'idempotency-key': key }),
  };
}

async function post(url: string, token: string, note: PlacedNote): Promise<Outcome> {
  try {
    const response = await fetch(`${url}/api/notes`, {
      method: 'POST',
      headers: headersFor(token, note),
      body: JSON.stringify(note.content),
      signal: AbortSignal.timeout(NO_ANSWER_MS),
    });
    return toOutcome(response.status, await response.json(), response.headers);
  } catch {
    return { kind: 'unanswered' };
  }
}

function toOutcome(status: number, body: unknown, headers: Headers): Outcome {
  if (status === 201) {
    return { kind: 'acknowledged', note: body as Note, replayed: headers.get('idempotency-replayed') === 'true' };
  }
  const { code = '' } = body as { code?: string };
  return { kind: 'refused', status, code, retryAfterSeconds: Number(headers.get('retry-after')) };
}
