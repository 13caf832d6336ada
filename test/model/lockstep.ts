/** Keeps the reference beside the real validators: tells it what they ask and get, and says where the two differ. */

import { type Expectation, type Flight, ReferenceValidator, type Stored } from './reference-validator';
import type { VirtualTime } from './virtual-time';
import type { Instance, Question, Witness } from './world';

export interface Lockstep extends Witness {
  /** To be told just before the real one is called. */
  called(instance: number, token: number): Expectation;
  timePassed(): void;
  /** Where the real ones have asked more, or less, than they should have. */
  differences(): string[];
}

export function createLockstep(instances: () => readonly Instance[], time: VirtualTime): Lockstep {
  const rows = new Map<string, Stored>();
  const firstRows = new Map<string, Stored>();
  const asking = new Map<Flight, Question>();
  const seen: Record<'reads' | 'questions' | 'writes', number[][]> = { reads: [], questions: [], writes: [] };
  const references: ReferenceValidator[] = [];

  function referenceOf(index: number): ReferenceValidator {
    const { plan, clock } = instances()[index] as Instance;
    references[index] ??= new ReferenceValidator({ ...plan, clock, uptimeMs: time.uptimeMs });
    return references[index];
  }
  const rowOf = (index: number, token: number) => `${instances()[index]?.plan.service}/${token}`;
  const note = (what: keyof typeof seen, index: number, token: number) => {
    seen[what][index] = [...(seen[what][index] ?? []), token];
  };

  return {
    called: (index, token) => referenceOf(index).authenticate(token),
    timePassed: () => {
      for (const reference of references) reference?.timePassed();
    },
    reading(index, token) {
      note('reads', index, token);
      const flight = referenceOf(index).flightOf(token);
      return (found) => {
        const row = found === 'nothing' ? undefined : (found === 'row' ? rows : firstRows).get(rowOf(index, token));
        if (flight !== undefined) referenceOf(index).readEnded(flight, row);
      };
    },
    asked(question) {
      const { instance, token, signal, number } = question;
      // Asked for a flight that is over: it gets no answer that anybody hears.
      if (signal.aborted) return () => {};
      note('questions', instance, token);
      const flight = referenceOf(instance).flightOf(token);
      if (flight !== undefined) asking.set(flight, question);
      return (verdict) => {
        if (flight !== undefined) referenceOf(instance).answered(flight, verdict, number);
      };
    },
    writing(index, token) {
      note('writes', index, token);
      const stored = referenceOf(index).writes.findLast((write) => write.token === token)?.stored;
      return (applied) => {
        const row = rowOf(index, token);
        if (!applied || stored === undefined) return;
        rows.set(row, stored);
        if (!firstRows.has(row)) firstRows.set(row, stored);
      };
    },
    differences() {
      const asked = references.flatMap((reference, index) => {
        const due = { ...reference, writes: reference.writes.map(({ token }) => token) };
        return (['reads', 'questions', 'writes'] as const)
          .filter((what) => String(due[what]) !== String(seen[what][index] ?? []))
          .map((what) => `${what} of instance ${index}: due were ${due[what]}, seen are ${seen[what][index] ?? []}`);
      });
      const dropped = [...asking]
        .filter(([flight, { signal }]) => !flight.over && signal.aborted)
        .map(([, { number }]) => `question ${number} was given up while somebody waited for it`);
      return [...asked, ...dropped];
    },
  };
}
