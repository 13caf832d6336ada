/** Runs the reference next to the real validators: tells it what they ask and get, and says where the two differ. */

import { START_MS } from './plan';
import { type Expectation, ReferenceValidator, type Stored } from './reference-validator';
import type { VirtualTime } from './virtual-time';
import type { Instance, Question, Witness } from './world';

export interface Lockstep extends Witness {
  /** To be told just before the real one is called. */
  called(instance: number, token: number): Expectation;
  /** Where the real ones have asked more, or less, than they should have. */
  differences(): string[];
}

export function createLockstep(instances: () => readonly Instance[], time: VirtualTime): Lockstep {
  const rows = new Map<string, Stored>();
  const firstRows = new Map<string, Stored>();
  const seen: Record<'reads' | 'questions' | 'writes', number[][]> = { reads: [], questions: [], writes: [] };
  const references: ReferenceValidator[] = [];

  function referenceOf(index: number): ReferenceValidator {
    const { plan, wall } = instances()[index] as Instance;
    const startMs = START_MS + plan.skewMs;
    references[index] ??= new ReferenceValidator({ ...plan, wall, startMs, elapsed: time.elapsed });
    return references[index];
  }
  const rowOf = (index: number, token: number) => `${instances()[index]?.plan.service}/${token}`;
  const note = (what: keyof typeof seen, index: number, token: number) => {
    seen[what][index] ??= [];
    seen[what][index].push(token);
  };

  return {
    called: (index, token) => referenceOf(index).called(token),
    reading(index, token) {
      note('reads', index, token);
      const lookup = referenceOf(index).lookupOf(token);
      const operation = lookup?.read;
      return (found) => {
        if (lookup === undefined || operation === undefined) return;
        const row = (found === 'first-row' ? firstRows : rows).get(rowOf(index, token)) ?? 'miss';
        referenceOf(index).readEnded(
          lookup,
          operation,
          found === 'nothing' ? 'miss' : found === 'failed' ? found : row,
        );
      };
    },
    asked(question: Question) {
      const { instance, token, signal, hangsInPool, number } = question;
      // A question of a lookup that is over gets no answer that anyone hears.
      if (signal.aborted) return () => {};
      note('questions', instance, token);
      const lookup = referenceOf(instance).lookupOf(token);
      const call = lookup?.call;
      if (call !== undefined) call.hangsInPool = hangsInPool;
      return (verdict) => {
        if (lookup !== undefined && call !== undefined) referenceOf(instance).answered(lookup, call, verdict, number);
      };
    },
    writing(index, token) {
      note('writes', index, token);
      const write = referenceOf(index).writeOf(token);
      return ({ isWritten, isSaid }) => {
        const row = rowOf(index, token);
        if (isWritten && write !== undefined) {
          rows.set(row, write.stored);
          if (!firstRows.has(row)) firstRows.set(row, write.stored);
        }
        if (isSaid) write?.succeeded();
        else write?.failed();
      };
    },
    differences() {
      return references.flatMap((reference, index) =>
        (['reads', 'questions', 'writes'] as const)
          .map((what) => ({ what, due: reference.asked[what], seen: seen[what][index] ?? [] }))
          .filter(({ due, seen }) => due.length !== seen.length || due.at(-1) !== seen.at(-1))
          .map(({ what, due, seen }) => `${what} of instance ${index}: due were ${due}, seen are ${seen}`),
      );
    },
  };
}
