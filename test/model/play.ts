/** Plays one sequence: the scheduler says what happens next, a step of the plan or the end of something that is awaited. */

import { isDeepStrictEqual } from 'node:util';
import type fc from 'fast-check';
import { createLockstep } from './lockstep';
import { type Outcome, toOutcome } from './outcome';
import { type Plan, START_MS, type Step, TOKEN_EXPIRES_AT_MS, TOKENS } from './plan';
import { type Caller, findBreach, findOlderAnswer, findSecondQuestion, Told } from './promises';
import type { Expectation } from './reference-validator';
import { drain, startVirtualTime, type VirtualTime } from './virtual-time';
import { createWorld, type Instance, type World } from './world';

/**
 * `lockstep`: each event has its whole effect before the next, and the reference must agree with the validator.
 * `race`: the next event comes after a few turns of the promise queue, in the midst of what the last one does.
 * `stack`: as `race`, with the real deadlines, repeats and breakers around the service and the table.
 */
export type Mode = 'lockstep' | 'race' | 'stack';

/** After so long all breakers let calls through, and nothing is remembered of a rejection. */
const HEALED_MS = 15_000;

/** Throws when a promise is broken. */
export async function play(scheduler: fc.Scheduler, plan: Plan, mode: Mode): Promise<void> {
  const time = startVirtualTime(START_MS);
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
  readonly #callers: { readonly caller: Caller; readonly expected: Expectation | undefined }[] = [];
  /** Moments at which something ends, by the clock of an instance. */
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
      wrapped: mode === 'stack',
      turn: (event) => scheduler.schedule(Promise.resolve(), event),
      witness: {
        ...(this.#lockstep ?? { reading: blind, writing: blind }),
        asked: (question) => {
          this.#report(findSecondQuestion(this.#world, question));
          return this.#lockstep?.asked(question) ?? (() => {});
        },
      },
    });
    for (const { clock } of this.#world.instances) {
      for (const atMs of TOKEN_EXPIRES_AT_MS) this.#edges.push({ clock, atMs });
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
    await this.#advance(2_700);
    for (const { caller } of this.#callers) this.#reportOf(caller, findOlderAnswer(this.#told, caller));
    this.#check();
    if (this.#callers.some(({ caller }) => caller.outcome === undefined)) throw new Error('Somebody waits for ever.');
    await this.#servesWhenAllIsWell();
  }

  async #take(step: Step): Promise<void> {
    switch (step.do) {
      case 'call':
        for (let caller = 0; caller < step.callers; caller += 1) {
          this.#call(step.instance, step.token, step.leaves && caller === 0);
        }
        return;
      case 'advance':
        return this.#advance(step.ms);
      case 'edge': {
        const lefts = this.#edges.map(({ clock, atMs }) => atMs - clock() + step.offsetMs);
        const ahead = [...new Set(lefts)].filter((ms) => ms >= 0 && Number.isFinite(ms)).sort((a, b) => a - b);
        return this.#advance(ahead[step.which % ahead.length] ?? 0);
      }
      case 'turn':
        await drain();
        this.time.turnClock(step.ms);
    }
  }

  async #advance(ms: number): Promise<void> {
    await this.time.advance(ms);
    this.#lockstep?.timePassed();
    await drain();
  }

  #call(instance: number, token: number, leaves: boolean): Caller {
    const { validator, clock } = this.#world.instances[instance] as Instance;
    const caller: Caller = {
      instance,
      token,

      calledAt: this.#world.happens(),
      calledAtMs: clock(),
      calledAtUptimeMs: this.time.uptimeMs(),
      newest: this.#told.newest(instance, token),
    };
    const expected = this.#lockstep?.called(instance, token);
    if (!leaves) this.#callers.push({ caller, expected });
    void toOutcome(validator.authenticate(TOKENS[token] as string)).then((outcome) => {
      caller.outcome = outcome;
      if (!leaves) this.#judge(caller, outcome, clock);
      this.#told.note(this.#world, caller, outcome);
    });
    return caller;
  }

  #judge(caller: Caller, outcome: Outcome, clock: () => number): void {
    if (outcome.kind === 'valid') this.#edges.push({ clock, atMs: outcome.expiresAtMs });
    if (outcome.kind === 'rejected') this.#edges.push({ clock, atMs: clock() + 10_000 });
    this.#reportOf(caller, findBreach(this.#world, this.#told, caller, outcome, this.time.uptimeMs()));
  }

  /** The next request after the faults succeeds within 15 s, and nothing wrong is remembered. */
  async #servesWhenAllIsWell(): Promise<void> {
    this.#world.heal();
    await this.#advance(HEALED_MS + this.time.turnedBackMs());
    for (const [instance, { clock }] of this.#world.instances.entries()) {
      for (const [token, expiresAtMs] of TOKEN_EXPIRES_AT_MS.entries()) {
        const caller = this.#call(instance, token, false);
        await drain();
        this.#check();
        const due = expiresAtMs > clock() ? 'valid' : 'expired';
        if (caller.outcome?.kind !== due)
          throw new Error(`All is well, and caller ${this.#describe(caller)} is not ${due}.`);
      }
    }
  }

  async #pause(): Promise<void> {
    if (this.#lockstep !== undefined || this.scheduler.count() === 0) return drain();
    const turns = this.plan.pauses[this.#pauses % this.plan.pauses.length] ?? 0;
    this.#pauses += 1;
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
  }

  #check(): void {
    for (const difference of this.#lockstep?.differences() ?? []) this.#report(difference);
    for (const { caller, expected } of this.#callers) {
      if (expected === undefined || isDeepStrictEqual(caller.outcome, expected.outcome)) continue;
      this.#report(`caller ${this.#describe(caller)} must have got ${JSON.stringify(expected.outcome)}`);
    }
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
