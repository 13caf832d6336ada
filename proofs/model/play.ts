/** Plays one sequence: the scheduler says what happens next, a step of the plan or the end of something that is awaited. */

import { isDeepStrictEqual } from 'node:util';
import type fc from 'fast-check';
import { createLockstep } from './lockstep';
import { type Outcome, toOutcome } from './outcome';
import { isWellFormed, type Plan, type Step, TOKEN_EXPIRES_AT_MS, TOKENS } from './plan';
import { type Caller, findBreach, findNeedlessQuestion, findOlderAnswer, Told } from './promises';
import type { Expectation } from './reference-validator';
import { drain, startVirtualTime, type VirtualTime } from './virtual-time';
import { createWorld, type Instance, type World } from './world';

/**
 * `lockstep`: each event has its whole effect before the next, and the reference must agree with the validator.
 * `race`: the next event comes after a few turns of the promise queue, in the midst of what the last one does.
 */
export type Mode = 'lockstep' | 'race';

/** After so long all breakers let calls through, and nothing is remembered of a rejection. */
const HEALED_MS = 15_000;
/** After so long every Retry-After is over as well. */
const UNTHROTTLED_MS = 3_600_000;

/** A token of each form, asked for at the end even if no one has used it. */
const PROBES = [
  TOKENS.findIndex((_, token) => isWellFormed(token)),
  TOKENS.findIndex((_, token) => !isWellFormed(token)),
];

/** Throws when a promise is broken. */
export async function play(scheduler: fc.Scheduler, plan: Plan, mode: Mode): Promise<void> {
  const time = startVirtualTime();
  try {
    await new Game(scheduler, plan, mode, time).play();
  } finally {
    time.restore();
  }
}

class Game {
  readonly #world: World;
  readonly #told = new Told();
  readonly #breaches: string[] = [];
  readonly #callers: Caller[] = [];
  /** Those that had no answer when it was last looked. */
  #waiting: { readonly caller: Caller; readonly expected: Expectation | undefined }[] = [];
  /** Moments at which something ends, by a clock. */
  readonly #edges: { readonly clock: () => number; readonly atMs: number }[] = [];
  readonly #lockstep;
  #pauses = 0;

  constructor(
    private readonly scheduler: fc.Scheduler,
    private readonly plan: Plan,
    mode: Mode,
    private readonly time: VirtualTime,
  ) {
    const reference = createLockstep(() => this.#world.instances, time);
    this.#lockstep = mode === 'lockstep' ? reference : undefined;
    const blind = () => () => {};
    this.#world = createWorld(plan, {
      time,
      turn: (event) => scheduler.schedule(Promise.resolve(), event),
      witness: {
        ...(this.#lockstep ?? { reading: blind, writing: blind }),
        asked: (question) => {
          this.#report(findNeedlessQuestion(this.#world, this.#told, question));
          return this.#lockstep?.asked(question) ?? (() => {});
        },
      },
    });
    for (const { clock } of this.#world.instances) {
      for (const atMs of new Set(TOKEN_EXPIRES_AT_MS)) this.#edges.push({ clock: clock.now, atMs });
    }
  }

  async play(): Promise<void> {
    const steps = this.plan.steps.map((step) => ({ label: JSON.stringify(step), builder: () => this.#take(step) }));
    const sequence = this.scheduler.scheduleSequence(steps);
    while (!sequence.done || this.scheduler.count() > 0) {
      if (this.scheduler.count() > 0) await this.scheduler.waitOne();
      await this.#pause();
      this.#check();
    }
    await this.time.advance(2_700);
    for (const caller of this.#callers) this.#reportOf(caller, findOlderAnswer(this.#told, caller));
    this.#check();
    if (this.#waiting.length > 0) throw new Error('Someone waits forever.');
    this.#world.heal();
    await this.time.advance(HEALED_MS);
    await this.#servesAll((instance) => this.#wasThrottled(instance));
    await this.time.advance(UNTHROTTLED_MS);
    await this.#servesAll(() => false);
  }

  async #take(step: Step): Promise<void> {
    switch (step.do) {
      case 'call':
        for (let caller = 0; caller < step.callers; caller += 1) {
          this.#call(step.instance, step.token, step.leaves && caller === 0);
        }
        return;
      case 'crowd':
        for (const token of step.tokens) this.#call(step.instance, token, false);
        return;
      case 'advance':
        return this.#advance(step.ms);
      case 'block':
        await this.time.block(step.ms);
        return drain();
      case 'edge': {
        const lefts = this.#edges.map(({ clock, atMs }) => atMs - clock() + step.offsetMs);
        const ahead = [...new Set(lefts)].filter((ms) => ms >= 0 && Number.isFinite(ms)).sort((a, b) => a - b);
        return this.#advance(ahead[step.which % ahead.length] ?? 0);
      }
      case 'turn':
        await drain();
        return this.#world.turn(step.instance, step.ms);
      case 'sleep':
        await drain();
        return this.#world.turn('all', step.ms);
      case 'service':
        return this.#world.setService(step.answer);
      case 'table':
        return this.#world.setTable(step.fault);
    }
  }

  async #advance(ms: number): Promise<void> {
    await this.time.advance(ms);
    await drain();
  }

  #call(instance: number, token: number, leaves: boolean): Caller {
    const { validator, clock } = this.#world.instances[instance] as Instance;
    const caller: Caller = {
      instance,
      token,
      calledAt: this.#world.happens(),
      calledAtMs: clock.now(),
      calledAtElapsedMs: this.time.elapsed(),
      blockedMs: this.time.blockedMs(),
      newest: this.#told.newest(instance, token),
    };
    const expected = this.#lockstep?.called(instance, token);
    if (!leaves) {
      this.#callers.push(caller);
      this.#waiting.push({ caller, expected });
    }
    void toOutcome(validator.validate(TOKENS[token] as string)).then((outcome) => {
      caller.outcome = outcome;
      if (!leaves) this.#judge(caller, outcome, clock.now);
      this.#told.note(this.#world, caller, outcome);
    });
    return caller;
  }

  #judge(caller: Caller, outcome: Outcome, clock: () => number): void {
    const { elapsed } = this.time;
    if (outcome.kind === 'valid') this.#edges.push({ clock, atMs: outcome.expiresAtMs });
    if (outcome.kind === 'rejected') this.#edges.push({ clock: elapsed, atMs: elapsed() + 10_000 });
    if (outcome.kind === 'unavailable') {
      this.#edges.push({ clock: elapsed, atMs: elapsed() + outcome.retryAfterSeconds * 1_000 });
    }
    const moment = { elapsedMs: elapsed(), blockedMs: this.time.blockedMs() };
    this.#reportOf(caller, findBreach(this.#world, this.#told, caller, outcome, moment));
  }

  /** After the faults every request succeeds, and nothing wrong is remembered. */
  async #servesAll(mayBeThrottled: (instance: number) => boolean): Promise<void> {
    for (const [instance, { clock }] of this.#world.instances.entries()) {
      const used = this.#callers.filter((caller) => caller.instance === instance).map(({ token }) => token);
      for (const token of new Set([...PROBES, ...used])) {
        const expiresAtMs = TOKEN_EXPIRES_AT_MS[token] as number;
        const caller = this.#call(instance, token, false);
        await drain();
        this.#check();
        const { outcome } = caller;
        const due = expiresAtMs > clock.now() ? 'valid' : 'rejected';
        if (outcome?.kind === due || (outcome?.kind === 'unavailable' && mayBeThrottled(instance))) continue;
        throw new Error(`All is well, and caller ${this.#describe(caller)} is not ${due}.`);
      }
    }
  }

  #wasThrottled(instance: number): boolean {
    return this.#world.questions.some(
      ({ verdict, ...question }) =>
        question.instance === instance && verdict?.kind === 'unavailable' && verdict.cause === 'throttled',
    );
  }

  async #pause(): Promise<void> {
    if (this.#lockstep !== undefined || this.scheduler.count() === 0) return drain();
    const turns = this.plan.pauses[this.#pauses % this.plan.pauses.length] ?? 0;
    this.#pauses += 1;
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
  }

  #check(): void {
    for (const difference of this.#lockstep?.differences() ?? []) this.#report(difference);
    for (const { caller, expected } of this.#waiting) {
      if (expected === undefined || isDeepStrictEqual(caller.outcome, expected.outcome)) continue;
      this.#report(`caller ${this.#describe(caller)} must have got ${JSON.stringify(expected.outcome)}`);
    }
    this.#waiting = this.#waiting.filter(({ caller }) => caller.outcome === undefined);
    if (this.#breaches.length > 0) throw new Error(this.#breaches.join('\n'));
  }

  #reportOf(caller: Caller, breach: string | undefined): void {
    this.#report(breach && `caller ${this.#describe(caller)}: ${breach}`);
  }

  #report(breach: string | undefined): void {
    if (breach !== undefined) this.#breaches.push(breach);
  }

  #describe({ instance, token, outcome }: Caller): string {
    return `of instance ${instance} with token ${token}, who got ${JSON.stringify(outcome)},`;
  }
}
