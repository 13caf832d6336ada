/** What must hold of every answer in every order of events, whatever the reference thinks of it. */
import type { Outcome } from './outcome';
import { SERVICES, TOKEN_EXPIRES_AT_MS } from './plan';
import type { Question, World } from './world';

const LONGEST_WAIT_MS = 2_700;
const REJECTED_MS = 10_000;

export interface Caller {
  readonly instance: number;
  readonly token: number;
  /** In the order of all that happened; then by its instance's clock; then by the timers. */
  readonly calledAt: number;
  readonly calledAtMs: number;
  readonly calledAtUptimeMs: number;
  /** The last verdict that this instance had taken from its service or the table, and told a caller. */
  readonly newest: Question | undefined;
  outcome?: Outcome;
}

/** What has been told to callers, and by when. */
export class Told {
  readonly #newest = new Map<string, Question>();
  readonly #toldAt = new Map<Question, number>();
  readonly #rows: { readonly of: string; readonly question: number; readonly toldAt: number }[] = [];

  newest(instance: number, token: number): Question | undefined {
    return this.#newest.get(`${instance}/${token}`);
  }

  /** Whether a caller of that moment had to wait for this answer. */
  wasNewsAt(question: Question, happened: number): boolean {
    return (this.#toldAt.get(question) ?? Number.POSITIVE_INFINITY) > happened;
  }

  /** Whether somebody who had asked before that moment, or did then, was told of this question's row after it. */
  wasRowSince({ instance, token, calledAt }: Caller, question: number): boolean {
    return this.#rows.some(
      (row) => row.of === `${instance}/${token}` && row.question === question && row.toldAt > calledAt,
    );
  }

  note(world: World, { instance, token }: Caller, outcome: Outcome): void {
    // A row may be older than what this instance has seen expire. Within its own bound it counts.
    if (outcome.kind === 'valid' && outcome.source === 'table') {
      this.#newest.set(`${instance}/${token}`, world.questions[outcome.question] as Question);
      this.#rows.push({ of: `${instance}/${token}`, question: outcome.question, toldAt: world.happens() });
    }
    const fromService =
      outcome.kind === 'rejected' || (outcome.kind === 'valid' && outcome.source === 'identity-service');
    if (!fromService) return;
    const question = world.questions.findLast(
      (asked) =>
        asked.instance === instance && asked.token === token && asked.heard && asked.verdict?.kind === outcome.kind,
    );
    if (question === undefined || this.#toldAt.has(question)) return;
    this.#toldAt.set(question, world.happens());
    const isVerdict = question.verdict?.kind === 'valid' || (question.verdict as { definite?: boolean }).definite;
    if (isVerdict) this.#newest.set(`${instance}/${token}`, question);
  }
}

/** The promise that is broken, or nothing. `nowUptimeMs`: when the caller got its answer. */
export function findBreach(
  world: World,
  told: Told,
  caller: Caller,
  outcome: Outcome,
  nowUptimeMs: number,
): string | undefined {
  if (outcome.kind === 'bug') return outcome.what;
  if (nowUptimeMs - caller.calledAtUptimeMs > LONGEST_WAIT_MS) return 'it waited for longer than 2,700 ms';
  if (outcome.kind === 'rejected') return rejectedByNobody(world, told, caller);
  return outcome.kind === 'valid' ? badIdentity(world, caller, outcome) : undefined;
}

function badIdentity(world: World, caller: Caller, outcome: Outcome & { kind: 'valid' }): string | undefined {
  const { clock, plan } = world.instances[caller.instance] as World['instances'][number];
  const question = world.questions[outcome.question];
  if (question?.verdict?.kind !== 'valid') return 'it got an identity that the service never gave';
  if (question.token !== caller.token) return "it got another token's identity";
  const asker = world.instances[question.instance]?.plan;
  if (SERVICES[asker?.service ?? 0] !== SERVICES[plan.service]) return 'it got the identity of another service';

  const boundsMs = {
    // The clock may have been set back between a first attempt and the second.
    'the setting': question.askedAtMs + world.turnedBackMs() + plan.ttlMs,
    'the token': TOKEN_EXPIRES_AT_MS[caller.token] as number,
    'the service': question.verdict.expiresAtMs ?? Number.POSITIVE_INFINITY,
  };
  for (const [name, boundMs] of Object.entries(boundsMs)) {
    if (outcome.expiresAtMs > boundMs)
      return `its verdict may live ${outcome.expiresAtMs - boundMs} ms longer than ${name} allows`;
  }
  if (outcome.expiresAtMs <= clock()) return `its verdict was over ${clock() - outcome.expiresAtMs} ms ago`;
  if (outcome.validatedAtMs > question.askedAtMs + world.turnedBackMs())
    return 'its verdict claims to be younger than it is';

  const { newest } = caller;
  if (newest === undefined || newest.number <= outcome.question) return undefined;
  const stillRejected =
    newest.verdict?.kind === 'rejected' && (newest.verdictAtMs ?? 0) + REJECTED_MS > caller.calledAtMs;
  return stillRejected ? `its token was rejected by the later answer ${newest.number}` : undefined;
}

/**
 * Memory must not go back to an older answer than it has told of; unless it has that from a row, of which whoever had it
 * read may not have been told yet. So this can be asked only when all have been told.
 */
export function findOlderAnswer(told: Told, caller: Caller): string | undefined {
  const { newest, outcome } = caller;
  if (outcome?.kind !== 'valid' || outcome.source !== 'memory') return undefined;
  if (newest === undefined || newest.number <= outcome.question) return undefined;
  return told.wasRowSince(caller, outcome.question) ? undefined : `memory had the later answer ${newest.number}`;
}

/** Only a no is a no, a definite one is kept for 10 s at most, and no other one at all. */
function rejectedByNobody(world: World, told: Told, caller: Caller): string | undefined {
  const backed = world.questions.some(
    ({ instance, token, verdict, heard, verdictAtMs = 0, ...rest }, at) =>
      instance === caller.instance &&
      token === caller.token &&
      verdict?.kind === 'rejected' &&
      heard &&
      ((verdict.definite && verdictAtMs + REJECTED_MS > caller.calledAtMs) ||
        (rest.answeredAt ?? 0) > caller.calledAt ||
        told.wasNewsAt(world.questions[at] as Question, caller.calledAt)),
  );
  return backed ? undefined : 'it was refused a token that nobody rejected';
}

/** One flight a key: no second question while somebody listens to the first. */
export function findSecondQuestion(world: World, asked: Question): string | undefined {
  if (asked.signal.aborted) return undefined;
  const other = world.questions.find(
    (question) =>
      question !== asked &&
      question.instance === asked.instance &&
      question.token === asked.token &&
      question.answeredAt === undefined &&
      !question.signal.aborted,
  );
  return other && `question ${asked.number} was asked while question ${other.number} was open`;
}
