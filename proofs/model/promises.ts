/** What must hold of every answer in every order of events, whatever the reference thinks of it. */
import type { Outcome } from './outcome';
import { isWellFormed, SERVICES, START_MS, TOKEN_EXPIRES_AT_MS } from './plan';
import type { Question, World } from './world';

const LONGEST_WAIT_MS = 2_700;
const REJECTED_MS = 10_000;
const TOKENS_TO_OPEN = 5;

export interface Caller {
  readonly instance: number;
  readonly token: number;
  /** In the order of all that happened. */
  readonly calledAt: number;
  readonly calledAtMs: number;
  readonly calledAtElapsedMs: number;
  readonly blockedMs: number;
  /** The last verdict that this instance had taken from its service or the table, and told a caller. */
  readonly newest: Question | undefined;
  outcome?: Outcome;
}

/** When a caller got its answer. */
export interface Moment {
  readonly elapsedMs: number;
  readonly blockedMs: number;
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

  /** Whether someone who had asked before that moment, or did then, was told of this question's row after it. */
  wasRowSince({ instance, token, calledAt }: Caller, question: number): boolean {
    return this.#rows.some(
      (row) => row.of === `${instance}/${token}` && row.question === question && row.toldAt > calledAt,
    );
  }

  /** Whether any row of this token was told after that moment. */
  wasAnyRowSince(instance: number, token: number, happened: number): boolean {
    return this.#rows.some((row) => row.of === `${instance}/${token}` && row.toldAt > happened);
  }

  note(world: World, { instance, token }: Caller, outcome: Outcome): void {
    // A row may be older than what this instance has seen expire. Within its own bound it counts.
    if (outcome.kind === 'valid' && outcome.source === 'table') {
      this.#newest.set(`${instance}/${token}`, world.questions[outcome.question] as Question);
      this.#rows.push({ of: `${instance}/${token}`, question: outcome.question, toldAt: world.happens() });
    }
    if (outcome.source !== 'identity-service') return;
    const question = world.questions.findLast(
      (asked) =>
        asked.instance === instance && asked.token === token && asked.heard && asked.verdict?.kind === outcome.kind,
    );
    if (question === undefined || this.#toldAt.has(question)) return;
    this.#toldAt.set(question, world.happens());
    const isVerdict = question.verdict?.kind === 'valid' || isRememberedRejection(question);
    if (isVerdict) this.#newest.set(`${instance}/${token}`, question);
  }
}

/** The promise that is broken, or nothing. */
export function findBreach(
  world: World,
  told: Told,
  caller: Caller,
  outcome: Outcome,
  { elapsedMs, blockedMs }: Moment,
): string | undefined {
  if (outcome.kind === 'bug') return outcome.what;
  const waitedMs = elapsedMs - caller.calledAtElapsedMs - (blockedMs - caller.blockedMs);
  if (waitedMs > LONGEST_WAIT_MS) return `it waited for longer than ${LONGEST_WAIT_MS} ms`;
  if (outcome.kind === 'valid') return badIdentity(world, caller, outcome, elapsedMs);
  if (outcome.kind === 'unavailable') return outcome.cause === 'circuit_open' ? opened(world, caller) : undefined;
  return outcome.reason === 'rejected' ? rejectedByNoOne(world, told, caller) : undefined;
}

function badIdentity(
  world: World,
  caller: Caller,
  outcome: Outcome & { kind: 'valid' },
  elapsedMs: number,
): string | undefined {
  const { clock, plan } = world.instances[caller.instance] as World['instances'][number];
  const question = world.questions[outcome.question];
  if (question?.verdict?.kind !== 'valid') return 'it got an identity that the service never gave';
  if (question.token !== caller.token) return "it got another token's identity";
  const asker = world.instances[question.instance]?.plan;
  if (SERVICES[asker?.service ?? 0] !== SERVICES[plan.service]) return 'it got the identity of another service';

  const boundsMs = {
    'the setting': question.askedAtMs + plan.ttlMs,
    'the token': TOKEN_EXPIRES_AT_MS[caller.token] as number,
    'the service': question.verdict.expiresAtMs ?? Number.POSITIVE_INFINITY,
  };
  // The clock may have been set forward when a first attempt was made, and back when the second was.
  const backMs = largestStepBack(world, question);
  for (const [name, boundMs] of Object.entries(boundsMs)) {
    if (outcome.expiresAtMs > boundMs + backMs)
      return `its verdict may live ${outcome.expiresAtMs - boundMs} ms longer than ${name} allows`;
  }
  if (outcome.expiresAtMs <= clock.now()) return `its verdict was over ${clock.now() - outcome.expiresAtMs} ms ago`;
  if (outcome.validatedAtMs > question.askedAtMs + backMs) return 'its verdict claims to be younger than it is';

  // A row of an instance whose clock was ahead is believed for that much longer. No other clock lengthens a life.
  const aheadMs = Math.max(0, question.askedAtMs - question.askedAtElapsedMs - START_MS - plan.skewMs);
  const agedMs = elapsedMs - question.askedAtElapsedMs;
  const isOwn = question.instance === caller.instance;
  const tolerance = backMs > 0 ? LONGEST_WAIT_MS + backMs : 0;
  if (agedMs >= plan.ttlMs + aheadMs + tolerance) return `${isOwn ? 'its own' : 'a'} verdict was ${agedMs} ms old`;

  const { newest } = caller;
  if (newest === undefined || newest.number <= outcome.question) return undefined;
  const stillRejected =
    newest.verdict?.kind === 'rejected' && (newest.verdictAtElapsedMs ?? 0) + REJECTED_MS > caller.calledAtElapsedMs;
  return stillRejected ? `its token was rejected by the later answer ${newest.number}` : undefined;
}

/** Of the asker's clock, within the time that a lookup takes at most. */
function largestStepBack(world: World, question: Question): number {
  return world.stepsBack(question.instance, question.askedAtElapsedMs - LONGEST_WAIT_MS);
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

/** A token is rejected by the service alone. What may be remembered is remembered for 10 s at most. */
function rejectedByNoOne(world: World, told: Told, caller: Caller): string | undefined {
  const isBacked = questionsOf(world, caller).some((question) => {
    const { verdict, heard, answeredAt = 0, verdictAtElapsedMs = 0 } = question;
    if (verdict?.kind !== 'rejected' || !heard) return false;
    const isRemembered = isRememberedRejection(question) && verdictAtElapsedMs + REJECTED_MS > caller.calledAtElapsedMs;
    return isRemembered || answeredAt > caller.calledAt || told.wasNewsAt(question, caller.calledAt);
  });
  return isBacked ? undefined : 'it was refused a token that no one rejected';
}

function isRememberedRejection({ verdict }: Question): boolean {
  return verdict?.kind === 'rejected' && verdict.cacheable;
}

/** Only failures of five different tokens of one form open its circuit. */
function opened(world: World, { instance, token }: Caller): string | undefined {
  const failed = world.questions.filter(
    (question) =>
      question.instance === instance &&
      isWellFormed(question.token) === isWellFormed(token) &&
      (question.verdict?.kind === 'unavailable' || !question.heard),
  );
  const tokens = new Set(failed.map((question) => question.token)).size;
  return tokens < TOKENS_TO_OPEN ? `the circuit was open, and only ${tokens} tokens had failed` : undefined;
}

/** One lookup per key: no second question while someone listens to the first. None before a Retry-After is over. */
export function findNeedlessQuestion(world: World, told: Told, asked: Question): string | undefined {
  if (asked.signal.aborted) return undefined;
  const others = questionsOf(world, asked).filter((question) => question !== asked);
  const open = others.find(({ answeredAt, signal }) => answeredAt === undefined && !signal.aborted);
  if (open !== undefined) return `question ${asked.number} was asked while question ${open.number} was open`;

  const last = others.findLast(({ heard }) => heard);
  const { verdict, verdictAtElapsedMs = 0, answeredAt = 0 } = last ?? {};
  if (verdict?.kind !== 'unavailable' || verdict.cause !== 'throttled') return undefined;
  const untilMs = verdictAtElapsedMs + (verdict.retryAfterSeconds ?? 0) * 1_000;
  if (asked.askedAtElapsedMs >= untilMs || told.wasAnyRowSince(asked.instance, asked.token, answeredAt))
    return undefined;
  return `question ${asked.number} was asked ${untilMs - asked.askedAtElapsedMs} ms before the Retry-After was over`;
}

function questionsOf(world: World, { instance, token }: { instance: number; token: number }): Question[] {
  return world.questions.filter((question) => question.instance === instance && question.token === token);
}
