/**
 * `npm run proofs -- crash`: kills and stops instances, and kills the storage, in storms of notes, and counts what is
 * lost or doubled. `npm run proofs -- crash 4 7` kills a host 4 times, and does the rest in proportion, by the plan of
 * the seed 7.
 */
import { startAzurite } from '../../local/azurite';
import { type Command, runCommand } from '../../local/command';
import { findFreePort } from '../../test/harness/free-port';
import { readNumber } from '../../test/harness/read-number';
import { buildForCommand, temporaryFolder } from '../../test/harness/temporary-folder';
import { audit } from './audit';
import { startDurableAzurite } from './durable-azurite';
import { type Finding, unless } from './finding';
import { killHost, stopHost } from './host-ends';
import { stopWithHungRequests } from './hung-requests';
import { loseAnswers, race } from './lost-answers';
import { acknowledgements, type PlacedNote } from './placed-note';
import { planRounds, type Round, type Struck } from './rounds';
import { slowDown } from './slow-storage';
import { openStand, type Stand } from './stand';
import { killStorage } from './storage-kills';

const USAGE = 'npm run proofs -- crash [kills of a host] [seed]';
const DEFAULT_KILLS = 20;
const MAX_SHOWN = 50;

/** What is in flight has 10 s to end; a busy machine takes its own time on top. */
const MAX_STOP_MS = 13_000;

const startedAtMs = performance.now();
const findings: Finding[] = [];

runCommand(async (command) => {
  const kills = readNumber(process.argv[2], DEFAULT_KILLS, USAGE);
  const seed = readNumber(process.argv[3], 1 + Math.floor(Math.random() * 2 ** 31), USAGE);
  const plan = (what: string, share: number) => planRounds(what, Math.ceil(kills * share), seed);
  const [storageKills, stops] = [plan('kill of the storage', 1 / 2), plan('stop of a host', 1 / 4)];
  console.log(`Seed ${seed}. The same plan again: npm run proofs -- crash ${kills} ${seed}`);

  const appDirectory = await buildForCommand(command);
  const azurite = await startAzurite({ port: await findFreePort() });
  command.onStop(() => azurite.stop());
  const stand = await open(command, appDirectory, azurite.connectionString);
  const slow = await slowDown(azurite.connectionString);
  command.onStop(() => slow.close());
  const slowStand = await open(command, appDirectory, slow.connectionString);
  const storage = await startDurableAzurite(await temporaryFolder(command));
  command.onStop(() => storage.close());
  const otherStand = await open(command, appDirectory, storage.connectionString);

  const killed = await play(plan('kill of a host', 1), (round) => killHost(stand, round));
  await play(stops, (round) => stopHost(slowStand, round));
  await loseAndRace(stand, kills * 2);
  const hung = stopWithHungRequests(stand); // takes 10 s, and no processor
  const storageKilled = await play(storageKills, (round) => killStorage(otherStand, storage, round));
  const { stopMs, findings: ofHung } = await hung;
  console.log(`a stop with a request that never ends: ${(stopMs / 1_000).toFixed(1)} s`);
  findings.push(
    ...ofHung,
    ...unless(stopMs < MAX_STOP_MS, 'wrong', `who stops is kept for ${stopMs.toFixed()} ms by a request that hangs`),
  );
  const stands = [stand, slowStand, otherStand];
  for (const one of stands) findings.push(...(await audit(one)));

  const killsOf = `${kills} kills of the host, ${storageKills.length} of the storage, ${stops.length} stops`;
  const notes = stands.flatMap((one) => one.notes);
  report(`${killsOf}, ${describeNotes(notes)}, ${killed + storageKilled} in flight at a kill`);
  command.finish(findings.length === 0 ? 0 : 1);
});

function describeNotes(notes: readonly PlacedNote[]): string {
  const acknowledged = notes.filter((note) => acknowledgements(note).length > 0).length;
  const count = (kind: Finding['kind']) => findings.filter((finding) => finding.kind === kind).length;
  return `${acknowledged.toLocaleString('en')} notes acknowledged, ${count('lost')} lost, ${count('doubled')} doubled`;
}

function report(figures: string): void {
  for (const { kind, what } of findings.slice(0, MAX_SHOWN)) console.log(`DOES NOT HOLD (${kind}): ${what}`);
  if (findings.length > MAX_SHOWN) console.log(`DOES NOT HOLD: ${findings.length - MAX_SHOWN} more`);
  console.log(`${figures} (${((performance.now() - startedAtMs) / 1_000).toFixed()} s)`);
}

async function open({ onStop }: Command, appDirectory: string, storage: string): Promise<Stand> {
  const stand = await openStand(appDirectory, storage);
  onStop(() => stand.close());
  return stand;
}

/** @returns how many requests were in flight at the strikes */
async function play(rounds: readonly Round[], strike: (round: Round) => Promise<Struck>): Promise<number> {
  let sum = 0;
  for (const round of rounds) {
    const struck = await strike(round);
    sum += struck.inFlight;
    findings.push(...struck.findings);
    const written = struck.written > 0 ? `, ${struck.written} of these written nevertheless` : '';
    console.log(
      `${round.name}: ${struck.notes.length} notes sent, ${struck.inFlight} without an answer when it struck${written}`,
    );
  }
  findings.push(...unless(sum > 0, 'wrong', `${rounds[0]?.name} and those after it hit no request, and show nothing`));
  return sum;
}

async function loseAndRace(stand: Stand, count: number): Promise<void> {
  const placed = await loseAnswers(stand, count);
  await race(stand, count);
  console.log(`${count} answers lost on the way, of notes of which ${placed} had been placed`);
  findings.push(...unless(placed > 0, 'wrong', 'no note of a lost answer was placed, which shows nothing'));
}
