/** Rounds of a storm that something strikes at a random moment: what the scenarios have in common. */
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import type { Finding } from './finding';
import { type Attempt, acknowledgements, type PlacedNote } from './placed-note';
import type { Slot, Stand } from './stand';
import { repeatAll, type Storm, startStorm } from './storm';

export interface Round {
  readonly name: string;
  /** From when the storm is under way to the strike. */
  readonly pauseMs: number;
  /** Which of the two instances, where one is struck. */
  readonly victim: Slot;
}

export interface Struck {
  readonly notes: readonly PlacedNote[];
  /** How many requests the strike has hit. */
  readonly inFlight: number;
  /** Of those, how many had written their note all the same, as the repeat was told. */
  readonly written: number;
  readonly findings: readonly Finding[];
}

const MAX_PAUSE_MS = 400;

/** The same for the same seed. Where in a request a strike comes is for the machine to say, and never the same. */
export function planRounds(what: string, count: number, seed: number): Round[] {
  const pauseMs = fc.noBias(fc.integer({ min: 0, max: MAX_PAUSE_MS }));
  const victim = fc.constantFrom<Slot>(0, 1);
  const rounds = fc.sample(fc.record({ pauseMs, victim }), { seed, numRuns: count });
  return rounds.map((round, n) => ({ name: `${what} ${n + 1}`, ...round }));
}

/**
 * @param isHit whether a request that was in flight counts as hit
 * @param strike resolves when all is up again. Whoever wants no new notes meanwhile calms the storm
 */
export async function playRound(
  stand: Stand,
  { name, pauseMs }: Round,
  isHit: (attempt: Attempt) => boolean,
  strike: (storm: Storm) => Promise<unknown>,
): Promise<Struck> {
  const storm = startStorm(stand, name);
  await storm.underWay;
  await delay(pauseMs);
  const struckAtMs = performance.now();
  await strike(storm);
  await storm.calm();
  await repeatAll(stand, storm.notes);

  const wasInFlight = ({ sentAtMs, endedAtMs }: Attempt) => sentAtMs < struckAtMs && struckAtMs < endedAtMs;
  const hit = storm.notes.filter(({ attempts }) => attempts.filter(wasInFlight).some(isHit));
  const written = hit.filter((note) => acknowledgements(note)[0]?.replayed);
  return { notes: storm.notes, inFlight: hit.length, written: written.length, findings: [] };
}
