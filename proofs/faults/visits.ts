/** Asks the app with tokens, and notes whatever differs from what the rules say. */
import { setTimeout as delay } from 'node:timers/promises';
import { people } from '../../local/identity-service/people';
import { createAdaptiveQueue } from '../../shared/auth/adaptive-queue';
import { type Asker, BUDGET_MS, OPEN_SECONDS, type Oracle, type Prediction, type TokenState } from './prediction';
import type { Answer, Backend } from './stand';

/** A token, and where its verdict is. */
export interface Visitor extends Asker {
  readonly user: string;
  state: TokenState;
  throttledUntilMs?: number | undefined;
  /** Whether the table must have its row. */
  persisted: boolean;
}

export interface Visits {
  /** All that there have been. */
  readonly visitors: readonly Visitor[];
  /** Answers other than 200. */
  readonly refusals: readonly Answer[];
  newVisitor(user: string, isSubject?: boolean): Visitor;
  /** These ask at the same time; the answer to the first. */
  ask(when: string, ...asking: [Visitor, ...Visitor[]]): Promise<Answer>;
}

/** All cells together take turns, so that the time that a request takes is its own: those that wait, and those that do not. */
const turns = { waiting: createAdaptiveQueue(6), quick: createAdaptiveQueue(3) };
const inOrder = () => true;
const QUICK_MS = 1_000;
const WRITE_MS = 500;
const POLL_MS = 5;

/** @param isGrave a busy machine is no excuse for it */
export type Complain = (what: string, isGrave?: boolean) => unknown;

export function createVisits(backend: Backend, oracle: Oracle, complain: Complain): Visits {
  const visitors: Visitor[] = [];
  const refusals: Answer[] = [];

  return {
    visitors,
    refusals,
    newVisitor(user, isSubject = false) {
      const visitor: Visitor = { token: backend.mint(user), user, state: 'unknown', persisted: false, isSubject };
      visitors.push(visitor);
      return visitor;
    },
    async ask(when, ...asking) {
      const predictions = asking.map((visitor) => oracle.next(visitor));
      const mostMs = Math.max(...predictions.map(({ limitMs }) => limitMs));
      const turn = mostMs < QUICK_MS ? turns.quick : turns.waiting;
      const visit = async () => {
        const before = look(backend);
        const answers = await Promise.all(asking.map(({ token }) => backend.ask(token)));
        await settle(backend, before.reads + before.writes + sum(predictions, 'reads') + sum(predictions, 'writes'));
        return { before, answers, after: look(backend) };
      };
      const { before, answers, after } = (await turn(visit, inOrder)) as Awaited<ReturnType<typeof visit>>;

      const differences = [
        ...compareCounts(before, after, predictions),
        ...asking.flatMap(({ user }, n) => compareAnswer(answers[n] as Answer, predictions, n, user)),
        ...(backend.judgesTime ? asking.flatMap((_, n) => compareTime(answers[n] as Answer, predictions, n)) : []),
      ];
      for (const difference of differences) complain(`${when}: ${difference}`);
      const grave = asking.flatMap(({ user }, n) =>
        findGrave(answers[n] as Answer, predictions[n] as Prediction, user),
      );
      for (const fault of grave) complain(`${when}: ${fault}`, true);
      for (const [n, visitor] of asking.entries()) {
        visitor.state = predictions[n]?.state ?? visitor.state;
        visitor.throttledUntilMs = predictions[n]?.throttledUntilMs;
        visitor.persisted ||= predictions[n]?.persists ?? false;
      }
      refusals.push(...answers.filter(({ status }) => status !== 200));
      return answers[0] as Answer;
    },
  };
}

/** What can be seen of the app from outside. */
interface View {
  readonly calls: number;
  readonly reads: number;
  readonly writes: number;
  readonly lines: readonly string[];
}

function look({ identityLine, tableLine, lines }: Backend): View {
  const count = (wanted: string) => tableLine.arrivals.filter((method) => method === wanted).length;
  return { calls: identityLine.arrivals.length, reads: count('GET'), writes: count('PUT'), lines: eventsIn(lines) };
}

/** The writing of a row may go on after the answer. @param requests that the table must have got by then */
async function settle(backend: Backend, requests: number): Promise<void> {
  const untilMs = performance.now() + WRITE_MS;
  const isOver = () => {
    const { reads, writes } = look(backend);
    return backend.tableLine.isQuiet && reads + writes >= requests;
  };
  while (!isOver() && performance.now() < untilMs) await delay(POLL_MS);
}

function sum(predictions: readonly Prediction[], name: 'calls' | 'reads' | 'writes'): number {
  return predictions.reduce((total, one) => total + one[name], 0);
}

/** Each line of the app as words: the event and what tells it apart from others of its kind. */
function eventsIn(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const json = /^(?:\w+: )?(\{(?:"level":"\w+",)?"event":.*\})$/.exec(line)?.[1];
    if (json === undefined) return [];
    const { event, outcome, source, code, reason } = JSON.parse(json) as Record<string, string>;
    if (event?.endsWith('_purged') || event === 'token_validations') return []; // of a full hour, and of a minute
    const words = event?.startsWith('token_table_') ? [event] : [event, outcome, source, code, reason];
    return [words.filter(Boolean).join(' ')];
  });
}

function compareCounts(before: View, after: View, predictions: readonly Prediction[]): string[] {
  const lines = predictions.flatMap((prediction) => prediction.lines);
  return [
    ...compare('calls', after.calls - before.calls, sum(predictions, 'calls')),
    ...compare('reads of the table', after.reads - before.reads, sum(predictions, 'reads')),
    ...compare('writes to the table', after.writes - before.writes, sum(predictions, 'writes')),
    ...compare('log lines', after.lines.slice(before.lines.length).sort(), lines.sort()),
  ];
}

function compareAnswer(answer: Answer, predictions: readonly Prediction[], n: number, user: string): string[] {
  const { status, code, source, retryAfter } = predictions[n] as Prediction;
  // Who asks together with others may wait for their probe of a circuit, and get its answer.
  const alone = predictions.length === 1;
  const [least, most] = retryAfter === undefined ? [0, 0] : alone ? retryAfter : [1, OPEN_SECONDS];
  const seconds = answer.retryAfter ?? 0;
  return [
    ...compare('status', answer.status, status),
    ...compare('code', answer.code, code),
    ...compare('source', answer.source, source),
    ...compare('id', answer.id, status === 200 ? people[user]?.id : undefined),
    ...(seconds < least || seconds > most ? [`Retry-After ${seconds}, not ${least} to ${most}`] : []),
  ];
}

function compareTime({ elapsedMs }: Answer, predictions: readonly Prediction[], n: number): string[] {
  const limitMs = predictions.length === 1 ? (predictions[n] as Prediction).limitMs : BUDGET_MS;
  return elapsedMs > limitMs ? [`took ${elapsedMs.toFixed()} ms, over ${limitMs} ms`] : [];
}

/** However long anything has taken, nobody may be answered so. */
function findGrave({ status, id, retryAfter = 0 }: Answer, { code }: Prediction, user: string): string[] {
  return [
    ...(id !== undefined && id !== people[user]?.id ? [`${user} is taken for somebody else`] : []),
    ...(status === 401 && code !== 'invalid_token' ? ['a good token is called invalid'] : []),
    ...(![200, 401, 503].includes(status) ? [`the status ${status}`] : []),
    ...(status === 503 && retryAfter < 1 ? ['503 without Retry-After'] : []),
  ];
}

function compare(what: string, actual: unknown, expected: unknown): string[] {
  const [seen, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  return seen === wanted ? [] : [`${what} ${seen}, not ${wanted}`];
}
