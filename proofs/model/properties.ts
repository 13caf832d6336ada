/** What is tried with random sequences, and how many of the whole number each gets. */
import fc from 'fast-check';
import { type Plan, plans } from './plan';
import { type Mode, play } from './play';

export interface SequenceProperty {
  readonly name: string;
  /** Of all sequences. */
  readonly share: number;
  readonly property: fc.IAsyncProperty<[fc.Scheduler, Plan]>;
}

export const sequenceProperties: readonly SequenceProperty[] = [
  { name: 'gives each caller what the reference gives, event by event', share: 0.6, property: propertyOf('lockstep') },
  { name: 'keeps its promises when the events race', share: 0.4, property: propertyOf('race') },
];

function propertyOf(mode: Mode): fc.IAsyncProperty<[fc.Scheduler, Plan]> {
  return fc.asyncProperty(fc.scheduler(), plans, (scheduler, plan) => play(scheduler, plan, mode));
}
