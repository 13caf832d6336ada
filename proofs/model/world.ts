/** Real validators, guards, keys and rows, among a service and a table that do as the plan says and note what they see. */
import type { TableClient } from '@azure/data-tables';
import { createIdentityGuard } from '../../shared/auth/identity-guard';
import type { Identity, IdentityProvider, Verdict } from '../../shared/auth/provider';
import { createDeriveTokenKey } from '../../shared/auth/token-key';
import { createValidator, type Validator } from '../../shared/auth/validator';
import { type Clock, createClock } from '../../shared/clock';
import { createTokenTable } from '../../shared/storage/token-table';
import { type Answer, type InstancePlan, isWellFormed, type Plan, SECRET, SERVICES, START_MS, TOKENS } from './plan';
import type { VirtualTime } from './virtual-time';

/** One call of the identity service. The identity that it answers has its number, so that its origin can be told. */
export interface Question {
  readonly number: number;
  readonly instance: number;
  readonly token: number;
  readonly askedAtMs: number;
  readonly askedAtElapsedMs: number;
  readonly signal: AbortSignal;
  /** It never gets an answer, because its connection is a dead one from the pool. */
  readonly hangsInPool: boolean;
  /** In the order of all that happened. */
  answeredAt?: number;
  /** Answered while the one who asked still listened. */
  heard?: boolean;
  verdict?: Verdict;
  verdictAtElapsedMs?: number;
}

/** Is told of what begins, and by the function that it returns, how that ended. */
export interface Witness {
  reading(instance: number, token: number): (found: 'row' | 'first-row' | 'nothing' | 'failed') => void;
  asked(question: Question): (verdict: Verdict) => void;
  /** `isWritten`: the row is there. `isSaid`: and the instance knows. */
  writing(instance: number, token: number): (how: { isWritten: boolean; isSaid: boolean }) => void;
}

export interface Instance {
  readonly plan: InstancePlan;
  readonly wall: () => number;
  readonly clock: Clock;
  readonly validator: Validator;
}

export interface World {
  readonly instances: readonly Instance[];
  readonly questions: readonly Question[];
  /** Counts up with everything that happens. */
  happens(): number;
  /** Sets the wall clock of one instance, or of all. */
  turn(instance: number | 'all', ms: number): void;
  /** By how much, in all, the time that this instance goes by has been set back since then. */
  stepsBack(instance: number, sinceElapsedMs: number): number;
  setService(answer: Answer | undefined): void;
  setTable(fault: 'fails' | 'never' | undefined): void;
  /** From now on, whatever is asked answers at once and well. */
  heal(): void;
}

type Row = { readonly sealed: Uint8Array };

export interface WorldOptions {
  readonly time: VirtualTime;
  /** Resolves when it is this event's turn. */
  readonly turn: (event: string) => Promise<unknown>;
  readonly witness: Witness;
}

export function createWorld(plan: Plan, { time, turn, witness }: WorldOptions): World {
  const questions: Question[] = [];
  const rows = new Map<string, Row>();
  const firstRows = new Map<string, Row>();
  const stepsBack: { readonly instance: number; readonly atElapsedMs: number; readonly backMs: number }[] = [];
  const turnedMs = plan.instances.map(() => 0);
  let [happened, reads, writes, isHealed] = [0, 0, 0, false];
  let serviceAnswer: Answer | undefined;
  let tableFault: 'fails' | 'never' | undefined;
  const happens = () => {
    happened += 1;
    return happened;
  };
  const whenTurn = (event: string) => (isHealed ? Promise.resolve() : turn(event));

  function createInstance(instance: InstancePlan, index: number): Instance {
    const wall = () => START_MS + time.elapsed() + instance.skewMs + (turnedMs[index] ?? 0);
    const clock = createClock(wall, time.elapsed);
    const endpoint = SERVICES[instance.service];
    const deriveKey = createDeriveTokenKey(SECRET, { name: 'model', endpoint });
    const ids = TOKENS.map((token) => deriveKey(token).id);
    const recognizes = (token: string) => isWellFormed(TOKENS.indexOf(token));
    const provider: IdentityProvider = { name: 'model', endpoint, recognizes, identify };

    async function identify(
      text: string,
      signal: AbortSignal,
      { newConnection = false }: { newConnection?: boolean } = {},
    ): Promise<Verdict> {
      const number = questions.length;
      const planned = isHealed ? ({ kind: 'valid' } as const) : (serviceAnswer ?? pick(plan.answers, number));
      const isOfPool = 'pooled' in planned && planned.pooled === true;
      const answer = isOfPool && newConnection ? ({ kind: 'valid' } as const) : planned;
      const hangsInPool = answer.kind === 'never' && answer.pooled === true;
      const question: Question = {
        number,
        instance: index,
        token: TOKENS.indexOf(text),
        askedAtMs: clock.now(),
        askedAtElapsedMs: time.elapsed(),
        signal,
        hangsInPool,
      };
      questions.push(question);
      const end = witness.asked(question);
      const cut = new Promise<Verdict>((resolve) => {
        const verdict = { kind: 'unavailable', cause: 'timeout', onReusedConnection: hangsInPool } as const;
        if (signal.aborted) resolve(verdict);
        else signal.addEventListener('abort', () => resolve(verdict), { once: true });
      });
      if (answer.kind === 'never') return cut;
      const answered = whenTurn(`answer ${number}`).then(() => {
        const verdict = toVerdict(answer, { id: `${number}` }, clock.now());
        const heard = !signal.aborted;
        Object.assign(question, { answeredAt: happens(), heard, verdict, verdictAtElapsedMs: time.elapsed() });
        end(verdict);
        return verdict;
      });
      return Promise.race([answered, cut]);
    }

    const client = {
      async getEntity(_partition: string, id: string) {
        const fault = isHealed ? 'none' : (tableFault ?? pick(plan.reads, reads));
        reads += 1;
        const read = reads;
        const end = witness.reading(index, ids.indexOf(id));
        if (fault === 'never') return new Promise(() => {});
        await whenTurn(`read ${read}`);
        happens();
        end(({ none: 'row', replayed: 'first-row', fails: 'failed' } as const)[fault as 'none'] ?? 'nothing');
        if (fault === 'fails') throw Object.assign(new Error(), { statusCode: 503 });
        const row = findRow(fault, id);
        if (row === undefined) throw Object.assign(new Error(), { statusCode: 404 });
        // Whoever can write to the table may write any time here.
        return { ...row, expiresAt: new Date('2100-01-01') };
      },
      async upsertEntity(row: Row & { readonly rowKey: string }): Promise<void> {
        const fault = isHealed ? 'none' : (tableFault ?? pick(plan.writes, writes));
        writes += 1;
        const write = writes;
        const end = witness.writing(index, ids.indexOf(row.rowKey));
        if (fault === 'never') return new Promise(() => {});
        await whenTurn(`write ${write}`);
        happens();
        const isWritten = fault !== 'fails';
        if (isWritten) {
          rows.set(row.rowKey, row);
          if (!firstRows.has(row.rowKey)) firstRows.set(row.rowKey, row);
        }
        end({ isWritten, isSaid: fault === 'none' });
        if (fault !== 'none') throw Object.assign(new Error(), { statusCode: 503 });
      },
    };

    function findRow(fault: string, id: string): Row | undefined {
      if (fault === 'replayed') return firstRows.get(id);
      if (fault === 'swapped') return [...rows].find(([other]) => other !== id)?.[1];
      const row = rows.get(id);
      return row && fault === 'corrupt' ? { sealed: row.sealed.map((byte, at) => (at === 20 ? byte ^ 1 : byte)) } : row;
    }

    const log = () => {};
    const validator = createValidator({
      deriveKey,
      guard: createIdentityGuard(provider, { attemptTimeoutMs: 1_200, clock, log }),
      store: createTokenTable(async () => client as unknown as TableClient, { clock, log }),
      clock,
      log,
      ttlMs: instance.ttlMs,
      maxEntries: instance.maxEntries,
    });
    return { plan: instance, wall, clock, validator };
  }

  const instances = plan.instances.map(createInstance);
  return {
    instances,
    questions,
    happens,
    turn(instance, ms) {
      for (const [index, { clock }] of instances.entries()) {
        if (instance !== 'all' && instance !== index) continue;
        const beforeMs = clock.now();
        turnedMs[index] = (turnedMs[index] ?? 0) + ms;
        const backMs = beforeMs - clock.now();
        if (backMs > 0) stepsBack.push({ instance: index, atElapsedMs: time.elapsed(), backMs });
      }
    },
    stepsBack: (instance, sinceElapsedMs) =>
      stepsBack
        .filter((step) => step.instance === instance && step.atElapsedMs >= sinceElapsedMs)
        .reduce((sum, { backMs }) => sum + backMs, 0),
    setService: (answer) => {
      serviceAnswer = answer;
    },
    setTable: (fault) => {
      tableFault = fault;
    },
    heal: () => {
      isHealed = true;
    },
  };
}

function pick<T>(list: readonly T[], at: number): T {
  return list[at % list.length] as T;
}

function toVerdict(answer: Exclude<Answer, { kind: 'never' }>, { id }: { id: string }, nowMs: number): Verdict {
  if (answer.kind === 'rejected') return answer;
  if (answer.kind === 'unavailable') {
    const { pooled, ...verdict } = answer;
    return { ...verdict, ...(pooled === true && { onReusedConnection: true }) };
  }
  const identity: Identity = { id, name: '', phoneNumber: null, pictureUrl: null, actionPackageId: null };
  return { kind: 'valid', identity, ...(answer.lifeMs !== undefined && { expiresAtMs: nowMs + answer.lifeMs }) };
}
