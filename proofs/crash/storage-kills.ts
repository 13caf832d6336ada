/**
 * Kills the storage, by SIGKILL, in a storm of notes, and starts it again with what it had on disk.
 *
 * Shows what the app makes of a storage that dies at any moment and returns with all that it has acknowledged, and some of
 * what it has not. Does not show that Table Storage keeps what it acknowledges: that is its own promise, kept here by an
 * Azurite that is made to save before it answers. Nor does it show a loss of power: what is saved is with the system.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { DurableAzurite } from './durable-azurite';
import { unless } from './finding';
import { type Attempt, isUnanswered, type Outcome } from './placed-note';
import { playRound, type Round, type Struck } from './rounds';
import type { Stand } from './stand';

/** For the first note that is begun without a storage to be answered. */
const MAX_OUTAGE_MS = 10_000;
const POLL_MS = 10;

export async function killStorage(stand: Stand, storage: DurableAzurite, round: Round): Promise<Struck> {
  let goneAtMs = Number.POSITIVE_INFINITY;
  let backAtMs = Number.POSITIVE_INFINITY;
  /** Of notes that were begun and answered while there was no storage. */
  const answersMeanwhile = () =>
    stand.notes
      .flatMap(({ attempts }) => attempts)
      .filter(({ sentAtMs, endedAtMs }) => sentAtMs > goneAtMs && endedAtMs < backAtMs)
      .map(({ outcome }) => outcome);

  const struck = await playRound(stand, round, isRefused, async () => {
    await storage.kill();
    goneAtMs = performance.now();
    while (answersMeanwhile().length === 0 && performance.now() < goneAtMs + MAX_OUTAGE_MS) await delay(POLL_MS);
    backAtMs = performance.now();
    await storage.restart();
  });

  const { name } = round;
  const meanwhile = answersMeanwhile();
  const lies = meanwhile.filter((outcome) => !isOutage(outcome));
  const unanswered = struck.notes.flatMap(({ attempts }) => attempts).filter(isUnanswered).length;
  const findings = [
    ...unless(meanwhile.length > 0, 'wrong', `${name}: nothing was answered without a storage`),
    ...lies.flatMap((lie) => unless(false, 'wrong', `${name}: without a storage, ${JSON.stringify(lie)}`)),
    ...unless(unanswered === 0, 'wrong', `${name}: ${unanswered} requests were not answered`),
  ];
  return { ...struck, findings };
}

function isRefused({ outcome }: Attempt): boolean {
  return outcome.kind === 'refused';
}

/** That Retry-After comes with any 503 is for the audit to see. */
function isOutage(outcome: Outcome): boolean {
  return outcome.kind === 'refused' && outcome.status === 503 && outcome.code === 'storage_unavailable';
}
