/** Lets many clients use two instances for a while, as their upstreams fail and recover, and tells what was wrong. */
import { setTimeout as delay } from 'node:timers/promises';
import { people } from '../../local/identity-service/people';
import { LocalError } from '../../local/local-error';
import { createAsk } from './ask';
import { createBook } from './book';
import { createClient } from './client';
import type { FaultPlan, Planned, Upstream } from './fault-plan';
import { createRandom } from './random';
import { type HostUsage, watchUsage } from './resources';
import type { Stand } from './stand';
import { createTally, type Tally } from './tally';
import { createMint } from './tokens';
import { createTrouble } from './trouble';
import { createValidations, type ValidationCounts } from './validations';

export interface SoakOptions {
  readonly stand: Stand;
  /** Each has a client of its own, which is each of the sample users in it. */
  readonly cards: readonly string[];
  readonly plan: FaultPlan;
  /** Of a token, at least and at most: short, so that many begin and end within a fault. */
  readonly lifeSeconds: readonly [number, number];
  readonly seed: number;
  /** Told of each fault as it begins. */
  readonly log: (line: string) => void;
}

export interface SoakResult {
  readonly tally: Tally;
  readonly usage: readonly HostUsage[];
  readonly validations: ValidationCounts;
}

/** Throws LocalError when a host ends meanwhile. */
export async function soak({ stand, cards, plan, lifeSeconds, seed, log }: SoakOptions): Promise<SoakResult> {
  const { hosts, identity, storageLine } = stand;
  const tally = createTally();
  const trouble = createTrouble(plan.recoveryMs);
  const validations = createValidations(identity, trouble, tally);
  const ask = createAsk(trouble, tally, validations);
  const owned = cards.map((card, n) => {
    const random = createRandom(seed + n);
    return { random, books: Object.keys(people).map((user) => createBook({ user, card }, random, tally)) };
  });
  const books = owned.flatMap((one) => one.books);
  const surroundings = { lifeSeconds, hosts, mint: createMint(identity), ask, tally, books };
  const clients = owned.map((one) => createClient(one.books, one.random, surroundings));

  const startedAtMs = performance.now();
  const elapsedMs = () => performance.now() - startedAtMs;
  const stopping = new AbortController();
  const { signal } = stopping;

  async function play<F>(upstream: Upstream, planned: readonly Planned<F>[], turn: (fault?: F) => void): Promise<void> {
    for (const { atMs, fault } of planned) {
      await delay(atMs - elapsedMs(), undefined, { signal });
      log(describe(tally, atMs, upstream, fault));
      trouble.begin(upstream);
      if (upstream === 'identity service') validations.pause();
      turn(fault);
      await delay(plan.faultMs, undefined, { signal });
      turn();
      trouble.end(upstream);
      await delay(plan.recoveryMs, undefined, { signal });
      if (upstream === 'identity service') validations.resume();
    }
  }

  const isOver = () => signal.aborted || elapsedMs() >= plan.durationMs;
  const usage = watchUsage(hosts);
  try {
    const work = Promise.all([
      ...clients.map((client) => client.run(isOver)),
      play('identity service', plan.identity, (fault) => identity.fault(fault)),
      play('storage', plan.storage, (fault) => storageLine.turn(fault ?? 'on')),
    ]);
    await Promise.race([work, ...hosts.map(({ ended }) => ended.then(fail))]);
  } finally {
    stopping.abort();
  }
  const measured = usage.stop();
  for (const client of clients) await client.settle();
  return { tally, usage: measured, validations: validations.finish() };
}

function fail(sentence: string): never {
  throw new LocalError(sentence);
}

function describe({ requests, wrongAnswers }: Tally, atMs: number, upstream: Upstream, fault: unknown): string {
  const seconds = `${(atMs / 1_000).toFixed()} s`.padStart(6);
  const words = typeof fault === 'string' ? fault : Object.values(fault as object).join(' ');
  return `${seconds}  ${requests} requests, ${wrongAnswers} wrong answers; the ${upstream} fails: ${words}`;
}
