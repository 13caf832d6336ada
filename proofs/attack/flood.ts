/** Floods of tokens that nobody minted: what they cost the identity service, this backend, and who has a good token. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Stats } from '../../local/identity-service/create-identity-service';
import { type Footprint, growsSteadily, growthOf, measureFootprint } from '../../test/harness/footprint';
import { type JunkSort, junkSorts, startFlood } from './junk';
import type { Stand } from './stand';
import { type Answered, createUser, summarize, type User, type Waits } from './user';

/** From one half of a flood to the next. */
const MAX_GROWTH_BYTES = 400_000;
/** Who have good tokens, and ask one after the other. */
const USERS = 4;
const MAX_CALLS_AT_A_TIME = 16;
/** What everybody is promised. */
const BUDGET_MS = 3_000;
/** Then 16 calls at a time are fewer than 64 at a time want in their budgets. */
const SLOW_MS = 1_000;
/** On a busy machine an answer may come later than those before it. */
const MAX_CALLS_IN_VAIN = 16;

export interface FloodSize {
  /** Tokens of each sort, all different: an even number. */
  readonly junk: number;
  /** Good tokens that are cached before, and must be afterwards. */
  readonly known: number;
  /** Good tokens that nobody knows, to see before a flood how long they take without one. */
  readonly calm: number;
}

interface FloodPlan {
  readonly sort: JunkSort;
  /** How many tokens: an even number. */
  readonly junk: number;
  /** Of the identity service. */
  readonly latencyMs: number;
  /** As in the size. */
  readonly calm: number;
  /** There are more at a time than the service can answer in the time that each has: some are told to come back. */
  readonly mayBeRefused: boolean;
}

export interface Flooded extends FloodPlan {
  readonly callsAtATime: number;
  /** Calls that were ended before their answer came. */
  readonly callsInVain: number;
  /** Of new users, before the flood and during it. */
  readonly before: Waits;
  readonly during: Waits;
  readonly ratio: number;
  /** After each half. */
  readonly footprints: readonly Footprint[];
}

export interface FloodResult {
  /** What did not hold. */
  readonly complaints: readonly string[];
  readonly floods: readonly Flooded[];
  /** Rows in the table that are of no good token. */
  readonly rows: number;
}

/** Floods the instance with one sort after the other, while users ask now with a new token, now with a known one. */
export async function runFloods(stand: Stand, size: FloodSize): Promise<FloodResult> {
  const complaints: string[] = [];
  const users = Array.from({ length: USERS }, () => createUser(stand, complaints));
  const [user] = users as [User];
  const known = Array.from({ length: size.known }, () => stand.mint());
  for (const token of known) await user.ask(token, 'identity-service');

  const floods: Flooded[] = [];
  let sent = 0;
  for (const plan of planFloods(size)) {
    stand.identity.fault({ kind: 'delay', delayMs: plan.latencyMs });
    const calm: Answered[] = [];
    while (calm.length < plan.calm) calm.push(await user.ask(stand.mint(), 'identity-service'));
    stand.identity.resetStats();
    const answers: Answered[] = [];
    const footprints: Footprint[] = [];
    for (const _half of [1, 2]) {
      const first = sent;
      sent += plan.junk / 2;
      const flood = startFlood(stand, { ...plan, first, end: sent }, complaints);
      const asking = users.map(async (one) => {
        while (!flood.isOver) answers.push(await askTwice(one, stand, plan, known));
      });
      await Promise.all([flood.over, ...asking]);
      footprints.push(await measureFootprint(stand.instance));
    }
    floods.push(describe(plan, stand.identity.stats(), summarize(calm), summarize(answers), footprints));
  }

  stand.identity.fault(undefined);
  for (const token of known) await user.ask(token, 'memory');
  await user.ask(stand.mint(), 'identity-service');
  for (const one of users) one.leave();
  const rows = await stand.countForeignRows();
  complaints.push(...floods.flatMap(judge), ...judgeTraces(stand, rows, floods));
  return { complaints, floods, rows };
}

/** After a while, so that it is not always just when a call has ended. */
async function askTwice(user: User, stand: Stand, plan: FloodPlan, known: readonly string[]): Promise<Answered> {
  await delay(Math.random() * plan.latencyMs);
  const answered = await user.ask(stand.mint(), 'identity-service', ...(plan.mayBeRefused ? [503 as const] : []));
  // Those that are not asked for during the floods are the first to be forgotten, if any are.
  const asked = known.slice(0, known.length / 2);
  await user.ask(asked[Math.floor(Math.random() * asked.length)] ?? '', 'memory');
  return answered;
}

function planFloods({ junk, calm }: FloodSize): FloodPlan[] {
  const fewer = Math.max(2 * Math.ceil(junk / 32), 160); // each takes long; and a half must be more than are sent at a time
  return [
    ...junkSorts.map((sort) => ({ sort, junk, calm, latencyMs: 50, mayBeRefused: false })),
    ...junkSorts.map((sort) => ({ sort, junk: fewer, calm: 3, latencyMs: SLOW_MS, mayBeRefused: true })),
  ];
}

function describe(
  plan: FloodPlan,
  stats: Stats,
  before: Waits,
  during: Waits,
  footprints: readonly Footprint[],
): Flooded {
  const { calls, maxConcurrent: callsAtATime, byStatus } = stats;
  const answered = Object.values(byStatus).reduce((total, count) => total + count, 0);
  const ratio = during.medianMs / before.medianMs;
  return { ...plan, callsAtATime, callsInVain: calls - answered, before, during, ratio, footprints };
}

function judge({ sort, latencyMs, mayBeRefused, callsAtATime, callsInVain, during, ratio }: Flooded): string[] {
  const { name, roomForOthers, mostRatio } = sort;
  const mostCallsAtATime = Math.min(MAX_CALLS_AT_A_TIME - roomForOthers + USERS, MAX_CALLS_AT_A_TIME);
  const leastServed = mayBeRefused && roomForOthers === 0 ? during.count / 4 : during.count;
  const complaints = [
    ...(callsAtATime > mostCallsAtATime ? [`${callsAtATime} calls at a time, over ${mostCallsAtATime}`] : []),
    ...(callsInVain > MAX_CALLS_IN_VAIN ? [`${callsInVain} calls in vain, over ${MAX_CALLS_IN_VAIN}`] : []),
    ...(during.served < leastServed ? [`${during.served} of ${during.count} new users served`] : []),
    ...(ratio > mostRatio ? [`a new user waits ${ratio.toFixed(1)} times as long, over ${mostRatio}`] : []),
    ...(during.maxMs > BUDGET_MS ? [`a new user waited ${during.maxMs.toFixed()} ms, over ${BUDGET_MS}`] : []),
  ];
  return complaints.map((complaint) => `${name}, identity service at ${latencyMs} ms: ${complaint}`);
}

/** Whether a busy machine can be the reason. `npm run proofs -- attack` takes these complaints as well. */
export function isAboutTime(complaint: string): boolean {
  return /: (a new user wait|\d+ calls in vain|\d+ of \d+ new users served)/.test(complaint);
}

function judgeTraces({ instance }: Stand, rows: number, floods: readonly Flooded[]): string[] {
  const opened = instance.lines.some((line) => line.includes('identity_circuit_opened'));
  // Of the others there are too few to show in what they leave.
  const footprints = floods.filter(({ mayBeRefused }) => !mayBeRefused).flatMap((flood) => flood.footprints);
  return [
    ...(rows > 0 ? [`${rows} rows in the table are of no good token`] : []),
    ...(growsSteadily(footprints, MAX_GROWTH_BYTES) ? [`memory grows, by ${growthOf(footprints).bytes} bytes`] : []),
    ...(opened ? ['the circuit opened'] : []),
  ];
}
