/** Stops an instance while two clients have sent half of their requests: one goes on, the other never does. */
import { once } from 'node:events';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { isListening } from '../../local/ports';
import type { Note } from '../../test/harness/note';
import { type Finding, unless } from './finding';
import { ENDED_WELL } from './host-ends';
import { headersFor } from './place';
import { noteWithKey, type PlacedNote } from './placed-note';
import type { Stand } from './stand';

const POLL_MS = 10;

export async function stopWithHungRequests(stand: Stand): Promise<{ stopMs: number; findings: Finding[] }> {
  const { url, kill } = await stand.startInstance();
  const note = noteWithKey('half sent', 0);
  const goesOn = await sendHalf(stand, url, note);
  await sendHalf(stand, url, noteWithKey('half sent', 1));

  let hasEnded = false;
  const signalledAtMs = performance.now();
  const ended = kill('SIGTERM').finally(() => {
    hasEnded = true;
  });
  while (await isListening(Number(new URL(url).port))) await delay(POLL_MS);
  const refusedInTime = !hasEnded;
  const wasAnswered = await sendRest(stand, url, note, goesOn);
  const sentence = await ended;
  const stopMs = performance.now() - signalledAtMs;
  const findings = [
    ...unless(refusedInTime, 'wrong', 'who stops takes new connections until it is gone'),
    ...unless(wasAnswered, 'wrong', 'who stops does not answer what it has begun to read'),
    ...unless(sentence === ENDED_WELL, 'wrong', `who stops ends so: ${sentence}`),
  ];
  return { stopMs, findings };
}

/** Resolves when the instance has read the header, and asks for the rest. */
async function sendHalf(stand: Stand, url: string, note: PlacedNote): Promise<ClientRequest> {
  const body = JSON.stringify(note.content);
  const headers = { ...headersFor(stand.token(note.user), note), 'content-length': body.length };
  const request = http.request(`${url}/api/notes`, {
    method: 'POST',
    headers: { ...headers, expect: '100-continue' },
    agent: false,
  });
  request.on('error', () => {}); // of the one that is never answered
  request.flushHeaders();
  await once(request, 'continue');
  request.write(body.slice(0, body.length / 2));
  return request;
}

/** Whether the answer is the note. */
async function sendRest(stand: Stand, url: string, note: PlacedNote, request: ClientRequest): Promise<boolean> {
  if (request.closed) return false;
  const sentAtMs = performance.now();
  const body = JSON.stringify(note.content);
  request.end(body.slice(body.length / 2));
  const [response] = (await Promise.race([once(request, 'response'), once(request, 'close')])) as [IncomingMessage?];
  if (response?.statusCode !== 201) return false;
  const outcome = { kind: 'acknowledged', note: (await json(response)) as Note, replayed: false } as const;
  note.attempts.push({ url, sentAtMs, endedAtMs: performance.now(), outcome });
  stand.notes.push(note);
  return true;
}
