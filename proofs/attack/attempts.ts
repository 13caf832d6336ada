/** Sends one generated request after the other, and holds what comes back against what must come. */
import { describe, findFaults, isOfFunction } from './answers';
import { findCanaries } from './canaries';
import type { Case } from './cases';
import type { Answer } from './connection';
import { type Fillings, fill, toWire } from './draft';
import type { Ledger, Note } from './ledger';
import { createSender } from './sender';
import type { Stand } from './stand';
import type { Malformed } from './variants/malformed';
import type { Wild } from './wild';

export type Request =
  | { readonly kind: 'well-formed'; readonly of: Case }
  | { readonly kind: 'malformed'; readonly of: Malformed }
  | { readonly kind: 'wild'; readonly of: Wild };

/** Of all lanes together. */
export interface Tally {
  /** How often each answer came, in the words of `describe`. */
  readonly answers: Map<string, number>;
  readonly ledger: Ledger;
  /** How many answers functions made. */
  ofFunctions: number;
  /** How many requests were left while the host waited for more. */
  unfinished: number;
}

export interface Attempts {
  /** Throws an Error that says what was sent, what must come back, and what did. */
  attempt(request: Request): Promise<void>;
  close(): void;
}

/** A host that waits for more will say nothing. */
const SILENCE_MS = { malformed: 10_000, wild: 1_000 } as const;
const MAX_SHOWN_CHARACTERS = 600;

/** @param lane tells the Idempotency-Keys of those who send at the same time apart */
export function createAttempts(stand: Stand, lane: string, given: Fillings, tally: Tally): Attempts {
  const sender = createSender(stand.port);
  const fillings = { ...given, lane };

  /** Counts it; what is wrong with it, whatever was asked. */
  function record(answer: Answer | undefined): string[] {
    const described = describe(answer);
    tally.answers.set(described, (tally.answers.get(described) ?? 0) + 1);
    if (answer === undefined) return [];
    if (isOfFunction(answer)) tally.ofFunctions += 1;
    const told = answer.status < 400 ? [] : findCanaries(answer.body, stand);
    const isOthers = answer.body.includes(given['note of another'] ?? '');
    return [
      ...findFaults(answer),
      ...told.map((canary) => `tells ${canary}`),
      ...(isOthers ? ['is of another user'] : []),
    ];
  }

  async function attemptCase({ names, draft, expected }: Case): Promise<void> {
    const wire = toWire(draft);
    const answer = await sender.ask(fill(wire, draft.body, fillings), draft.method);
    const faults = record(answer);
    const seen = describe(answer);
    let wanted = expected;
    if (expected === '201') {
      const key = draft.headers.find(([name]) => name === 'Idempotency-Key')?.[1];
      const filledKey = key && fill(key, undefined, fillings);
      const note = readNote(fill(draft.body ?? '', undefined, fillings));
      wanted = tally.ledger.expect(filledKey, note);
      if (answer?.status === 201) faults.push(...tally.ledger.enter(filledKey, note, answer));
    } else if (answer?.status === 201) tally.ledger.enterUnseen(answer);
    if (seen !== wanted || faults.length > 0) complain(names, wire, wanted, seen, faults);
  }

  async function attemptMalformed({ name, wire, body, expected, isCut = false }: Malformed): Promise<void> {
    const bytes = fill(wire, body, fillings);
    const { answers, isUnfinished } = await sender.exchange(bytes, { isCut, silenceMs: SILENCE_MS.malformed });
    const faults = answers.flatMap(record);
    const seen = [...answers.map(describe), ...(isUnfinished ? ['silence'] : [])].join(', ');
    const wanted = expected.map((one) => one.join(', '));
    if (!wanted.includes(seen) || faults.length > 0) complain([name], wire, wanted.join(' or '), seen, faults);
  }

  async function attemptWild({ wire, body }: Wild): Promise<void> {
    // Keys of its own: nobody knows what notes these come with.
    const bytes = fill(wire, body, { ...fillings, lane: `wild-${lane}` });
    const { answers, isUnfinished } = await sender.exchange(bytes, { isCut: false, silenceMs: SILENCE_MS.wild });
    if (isUnfinished) tally.unfinished += 1;
    const faults = answers.flatMap(record);
    for (const answer of answers) if (answer.status === 201) tally.ledger.enterUnseen(answer);
    if (faults.length > 0) complain(['wild'], wire, 'a documented answer', answers.map(describe).join(', '), faults);
  }

  return {
    attempt(request) {
      if (request.kind === 'well-formed') return attemptCase(request.of);
      return request.kind === 'malformed' ? attemptMalformed(request.of) : attemptWild(request.of);
    },
    close: () => sender.close(),
  };
}

/** With `<token>` and the like in it, not what these stand for. */
function complain(names: readonly string[], wire: string, wanted: string, seen: string, faults: string[]): never {
  const shown = JSON.stringify(wire.slice(0, MAX_SHOWN_CHARACTERS));
  const and = faults.length === 0 ? '' : `, which ${faults.join(', ')}`;
  throw new Error(
    `${names.join(' + ') || 'plain'}: must be ${wanted || 'nothing'}, was ${seen || 'nothing'}${and}:\n  ${shown}`,
  );
}

/** As the app must understand it. @param body a character for each byte */
function readNote(body: string): Note {
  return JSON.parse(new TextDecoder().decode(Buffer.from(body, 'latin1'))) as Note;
}
