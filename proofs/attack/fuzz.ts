/** Malformed requests, by the thousand, of which a good part gets past the token: each gets the answer that it must get. */
import fc from 'fast-check';
import { type Footprint, growsSteadily, growthOf, measureFootprint } from '../../test/harness/footprint';
import { createAttempts, type Request, type Tally } from './attempts';
import { plainNote, wellFormed } from './cases';
import { type Fillings, fill, toWire } from './draft';
import { createLedger } from './ledger';
import { createSender } from './sender';
import { CARD, type Stand } from './stand';
import { malformed } from './variants/malformed';
import { wild } from './wild';

export interface FuzzResult {
  /** What did not hold. */
  readonly complaints: readonly string[];
  /** Of these, requests that were answered wrongly. */
  readonly wrongAnswers: number;
  /** How often each answer came. */
  readonly answers: ReadonlyMap<string, number>;
  /** Requests that the host waited for more of, until they were left. */
  readonly unfinished: number;
  /** After each third. */
  readonly footprints: readonly Footprint[];
}

/** At the same time. */
const LANES = 4;
/** Memory is looked at after each. */
const PARTS = 3;
/** From one part to the next. */
const MAX_GROWTH_BYTES = 400_000;
const SOCKETS_CLOSE_WITHIN_MS = 15_000;

const requests: fc.Arbitrary<Request> = fc.oneof(
  { weight: 8, arbitrary: wellFormed.map((of): Request => ({ kind: 'well-formed', of })) },
  { weight: 1, arbitrary: malformed.map((of): Request => ({ kind: 'malformed', of })) },
  { weight: 1, arbitrary: wild.map((of): Request => ({ kind: 'wild', of })) },
);

/** A lane ends at the first answer that is wrong, when its request has been made as small as it still is one. */
export async function runFuzz(stand: Stand, { count, seed }: { count: number; seed: number }): Promise<FuzzResult> {
  const tally: Tally = { answers: new Map(), ledger: createLedger(), ofFunctions: 0, unfinished: 0 };
  const before = await measureFootprint(stand.instance);
  const fillings = await fillingsFor(stand, tally);
  const linesBefore = stand.instance.lines.length;

  async function runLane(lane: number): Promise<string[]> {
    const attempts = createAttempts(stand, `lane-${lane}`, fillings, tally);
    const property = fc.asyncProperty(requests, attempts.attempt);
    const result = await fc.check(property, { seed: seed + lane, numRuns: Math.ceil(count / LANES / PARTS) });
    attempts.close();
    return result.failed ? [(result.errorInstance as Error).message] : [];
  }
  const complaints: string[] = [];
  const footprints: Footprint[] = [];
  for (let part = 0; part < PARTS; part += 1) {
    const lanes = Array.from({ length: LANES }, (_, n) => runLane(part * LANES + n));
    complaints.push(...(await Promise.all(lanes)).flat());
    footprints.push(await measureFootprint(stand.instance));
  }

  const wrongAnswers = complaints.length;
  complaints.push(
    ...judgeLines(stand.instance.lines.slice(linesBefore), tally),
    ...(await judgeRows(stand, tally)),
    ...(growsSteadily(footprints, MAX_GROWTH_BYTES) ? [`memory grows, by ${growthOf(footprints).bytes} bytes`] : []),
    ...(await judgeSockets(stand, before.sockets)),
  );
  return { complaints, wrongAnswers, answers: tally.answers, unfinished: tally.unfinished, footprints };
}

/** What `<token>` and the like stand for. */
async function fillingsFor(stand: Stand, { ledger }: Tally): Promise<Fillings> {
  const sender = createSender(stand.port);
  async function note(token: string): Promise<string> {
    const answer = await sender.ask(fill(toWire(plainNote), plainNote.body, { token }), 'POST');
    if (answer?.status !== 201) throw new Error(`A note was answered ${answer?.status ?? 'nothing'}.`);
    ledger.enterUnseen(answer);
    return (JSON.parse(answer.body) as { id: string }).id;
  }
  const token = stand.mint();
  const fillings = {
    token,
    'token of another card': stand.mint({ card: `${CARD}-other` }),
    expired: stand.mint({ lifetimeSeconds: -10 }),
    note: await note(token),
    'note of another': await note(stand.mint({ user: 'ben' })),
  };
  sender.close();
  return fillings;
}

/** Each answer of a function is one that ran, and each that ran has answered. */
function judgeLines(lines: readonly string[], { ofFunctions, unfinished }: Tally): string[] {
  const count = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length;
  const ran = count(/^Executing 'Functions\.(?!purge')/);
  const failed = count(/^Executed .*\(Failed/);
  const isCounted = ran >= ofFunctions && ran <= ofFunctions + unfinished;
  return [
    ...(isCounted ? [] : [`${ran} functions ran, ${ofFunctions} answered, ${unfinished} requests were left`]),
    ...(failed > 0 ? [`${failed} functions failed`] : []),
  ];
}

async function judgeRows(stand: Stand, { ledger, unfinished }: Tally): Promise<string[]> {
  const rows = (await stand.rowKeys('notes')).filter((key) => key.startsWith('item-'));
  const extra = rows.filter((key) => !ledger.ids.has(key.slice('item-'.length))).length;
  const missing = ledger.ids.size - (rows.length - extra);
  const foreign = await stand.countForeignRows();
  return [
    ...(missing > 0 ? [`${missing} notes that were answered 201 are not kept`] : []),
    ...(extra > unfinished
      ? [`${extra} notes are kept that nobody was answered, ${unfinished} requests were left`]
      : []),
    ...(foreign > 0 ? [`${foreign} rows are of no good token`] : []),
  ];
}

/** Those to the upstreams are kept for some seconds. */
async function judgeSockets({ instance }: Stand, before: number): Promise<string[]> {
  const endsAtMs = performance.now() + SOCKETS_CLOSE_WITHIN_MS;
  let { sockets } = await measureFootprint(instance);
  while (sockets > before && performance.now() < endsAtMs) ({ sockets } = await measureFootprint(instance));
  return sockets > before ? [`${sockets} sockets are open, ${before} were before`] : [];
}
