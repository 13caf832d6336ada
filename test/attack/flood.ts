/** Floods of tokens that nobody minted: what they cost the identity service, this backend, and who has a good token. */
import { type Footprint, growsSteadily, growthOf, measureFootprint } from '../harness/footprint';
import { type JunkSort, junkSorts, startFlood } from './junk';
import type { Stand } from './stand';
import { createUser, summarize, type User, type Waits } from './user';

/** Of the identity service. */
const LATENCY_MS = 50;
/** From one half of a flood to the next. */
const MAX_GROWTH_BYTES = 400_000;
/** What everybody is promised. */
const BUDGET_MS = 3_000;

export interface FloodSize {
  /** Tokens of each sort, all different: an even number. */
  readonly junk: number;
  /** Good tokens that are cached before, and must be afterwards. */
  readonly known: number;
  /** Good tokens that nobody knows, to see before each flood how long they take without one. */
  readonly calm: number;
}

export interface Flooded {
  readonly sort: JunkSort;
  readonly callsAtATime: number;
  /** Of a new user, before the flood and during it. */
  readonly calm: Waits;
  readonly waits: Waits;
  readonly ratio: number;
}

export interface FloodResult {
  /** What did not hold. */
  readonly complaints: readonly string[];
  readonly floods: readonly Flooded[];
  /** Rows in the table that are of no good token. */
  readonly rows: number;
  /** After each half of each flood. */
  readonly footprints: readonly Footprint[];
}

/** Floods the instance with one sort after the other, while a user asks now with a new token, now with a known one. */
export async function runFloods(stand: Stand, size: FloodSize): Promise<FloodResult> {
  const complaints: string[] = [];
  const user = createUser(stand, complaints);
  const known = Array.from({ length: size.known }, () => stand.mint());
  for (const token of known) await user.ask(token, 'identity-service');
  // Those that are not asked for during the floods are the first to be forgotten, if any are.
  const asked = known.slice(0, known.length / 2);
  stand.identity.fault({ kind: 'delay', delayMs: LATENCY_MS });

  const floods: Flooded[] = [];
  const footprints: Footprint[] = [];
  for (const sort of junkSorts) {
    const calm = await askNewTimes(user, size.calm);
    stand.identity.resetStats();
    const waits: number[] = [];
    for (const end of [size.junk / 2, size.junk]) {
      const flood = startFlood(stand, sort, end - size.junk / 2, end, complaints);
      while (!flood.isOver) {
        waits.push(await user.askNew());
        await user.ask(asked[waits.length % asked.length] ?? '', 'memory');
      }
      await flood.over;
      footprints.push(await measureFootprint(stand.instance));
    }
    floods.push(describe(sort, stand.identity.stats().maxConcurrent, summarize(calm), summarize(waits)));
  }

  for (const token of known) await user.ask(token, 'memory');
  await user.askNew();
  user.leave();
  stand.identity.fault(undefined);
  const rows = await stand.countForeignRows();
  complaints.push(...floods.flatMap(judge), ...judgeTraces(stand, rows, footprints));
  return { complaints, floods, rows, footprints };
}

async function askNewTimes(user: User, times: number): Promise<number[]> {
  const waits: number[] = [];
  while (waits.length < times) waits.push(await user.askNew());
  return waits;
}

function describe(sort: JunkSort, callsAtATime: number, calm: Waits, waits: Waits): Flooded {
  return { sort, callsAtATime, calm, waits, ratio: waits.medianMs / calm.medianMs };
}

function judge({ sort, callsAtATime, waits, ratio }: Flooded): string[] {
  const { name, mostCallsAtATime, mostRatio } = sort;
  return [
    ...(callsAtATime > mostCallsAtATime ? [`${name}: ${callsAtATime} calls at a time, over ${mostCallsAtATime}`] : []),
    ...(ratio > mostRatio ? [`${name}: a new user waits ${ratio.toFixed(1)} times as long, over ${mostRatio}`] : []),
    ...(waits.maxMs > BUDGET_MS ? [`${name}: a new user waited ${waits.maxMs.toFixed()} ms, over ${BUDGET_MS}`] : []),
  ];
}

function judgeTraces({ instance }: Stand, rows: number, footprints: readonly Footprint[]): string[] {
  const opened = instance.lines.some((line) => line.includes('identity_circuit_opened'));
  return [
    ...(rows > 0 ? [`${rows} rows in the table are of no good token`] : []),
    ...(growsSteadily(footprints, MAX_GROWTH_BYTES) ? [`memory grows, by ${growthOf(footprints).bytes} bytes`] : []),
    ...(opened ? ['the circuit opened'] : []),
  ];
}
