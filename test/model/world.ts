/** Real validators, keys and rows, among a service and a table that do as the plan says and note all that they see. */
import type { TableClient } from '@azure/data-tables';
import type { Identity } from '../../shared/auth/principal';
import type { IdentityProvider, Verdict } from '../../shared/auth/provider';
import { createResilientProvider } from '../../shared/auth/resilient-provider';
import { createResilientStore } from '../../shared/auth/resilient-store';
import { createDeriveTokenKey } from '../../shared/auth/token-key';
import { createValidator, type ReliableTokenStore, type TokenStore, type Validator } from '../../shared/auth/validator';
import { createTokenTable } from '../../shared/storage/token-table';
import { type Answer, type InstancePlan, type Plan, SECRET, SERVICES, TOKENS } from './plan';
import type { VirtualTime } from './virtual-time';

/** One call of the identity service. The identity that it answers bears its number, so that it can be told whose it is. */
export interface Question {
  readonly number: number;
  readonly instance: number;
  readonly token: number;
  readonly askedAtMs: number;
  readonly signal: AbortSignal;
  /** Since when it is answered, in the order of all that happened. */
  answeredAt?: number;
  /** Answered while the one who asked still listened. */
  heard?: boolean;
  verdict?: Verdict;
  verdictAtMs?: number;
}

/** Is told of what begins, and by the function that it returns, how that ended. */
export interface Witness {
  reading(instance: number, token: number): (found: 'row' | 'first-row' | 'nothing') => void;
  asked(question: Question): (verdict: Verdict) => void;
  writing(instance: number, token: number): (applied: boolean) => void;
}

export interface Instance {
  readonly plan: InstancePlan;
  readonly clock: () => number;
  readonly validator: Validator;
}

export interface World {
  readonly instances: readonly Instance[];
  readonly questions: readonly Question[];
  /** How far the clock may have been set back between a flight's beginning and its last question. */
  turnedBackMs(): number;
  /** Counts up with everything that happens. */
  happens(): number;
  /** From now on, whatever is asked answers at once and well. */
  heal(): void;
}

type Row = { readonly sealed: Uint8Array };

export interface WorldOptions {
  readonly time: VirtualTime;
  /** Resolves when it is this event's turn. */
  readonly turn: (event: string) => Promise<unknown>;
  readonly witness: Witness;
  /** With the deadlines, repeats, caps and breakers around the service and the table. */
  readonly wrapped: boolean;
}

export function createWorld(plan: Plan, { time, turn, witness, wrapped }: WorldOptions): World {
  const questions: Question[] = [];
  const rows = new Map<string, Row>();
  const firstRows = new Map<string, Row>();
  let [happened, reads, writes, healed] = [0, 0, 0, false];
  const happens = () => {
    happened += 1;
    return happened;
  };
  const whenTurn = (event: string) => (healed ? Promise.resolve() : turn(event));

  function createInstance(instance: InstancePlan, index: number): Instance {
    const clock = () => time.wallMs() + instance.skewMs;
    const endpoint = SERVICES[instance.service];
    const deriveKey = createDeriveTokenKey(SECRET, { name: 'model', endpoint });
    const ids = TOKENS.map((token) => deriveKey(token).id);
    const provider: IdentityProvider = { name: 'model', endpoint, identify };

    async function identify(text: string, signal: AbortSignal): Promise<Verdict> {
      const token = TOKENS.indexOf(text as (typeof TOKENS)[number]);
      const number = questions.length;
      const answer = healed ? ({ kind: 'valid' } as const) : pick(plan.answers, number);
      const question: Question = { number, instance: index, token, askedAtMs: clock(), signal };
      questions.push(question);
      const end = witness.asked(question);
      if (answer.kind === 'never') return new Promise(() => {});
      await whenTurn(`answer ${number}`);
      const verdict = toVerdict(answer, { id: `${number}` }, clock());
      Object.assign(question, { answeredAt: happens(), heard: !signal.aborted, verdict, verdictAtMs: clock() });
      end(verdict);
      return verdict;
    }

    const client = {
      async getEntity(_partition: string, id: string) {
        const fault = healed ? 'none' : pick(plan.reads, reads);
        reads += 1;
        const read = reads;
        const end = witness.reading(index, ids.indexOf(id));
        if (fault === 'never') return new Promise(() => {});
        await whenTurn(`read ${read}`);
        happens();
        end(fault === 'none' ? 'row' : fault === 'replayed' ? 'first-row' : 'nothing');
        if (fault === 'fails') throw Object.assign(new Error(), { statusCode: 503 });
        const row = findRow(fault, id);
        if (row === undefined) throw Object.assign(new Error(), { statusCode: 404 });
        // Whoever can write to the table may write any time here.
        return { ...row, expiresAt: new Date('2100-01-01') };
      },
      async upsertEntity(row: Row & { readonly rowKey: string }): Promise<void> {
        const fault = healed ? 'none' : pick(plan.writes, writes);
        writes += 1;
        const write = writes;
        const end = witness.writing(index, ids.indexOf(row.rowKey));
        if (fault === 'never') return new Promise(() => {});
        await whenTurn(`write ${write}`);
        happens();
        const applied = fault !== 'fails';
        if (applied) {
          rows.set(row.rowKey, row);
          if (!firstRows.has(row.rowKey)) firstRows.set(row.rowKey, row);
        }
        end(applied);
        if (fault !== 'none') throw Object.assign(new Error(), { statusCode: 503 });
      },
    };

    function findRow(fault: string, id: string): Row | undefined {
      if (fault === 'replayed') return firstRows.get(id);
      if (fault === 'swapped') return [...rows].find(([other]) => other !== id)?.[1];
      const row = rows.get(id);
      return row && fault === 'corrupt' ? { sealed: row.sealed.map((byte, at) => (at === 20 ? byte ^ 1 : byte)) } : row;
    }

    const table = createTokenTable(async () => client as unknown as TableClient, clock);
    const log = () => {};
    const validator = createValidator({
      deriveKey,
      clock,
      ttlMs: instance.ttlMs,
      maxEntries: instance.maxEntries,
      provider: wrapped ? createResilientProvider(provider, { attemptTimeoutMs: 1_200, clock, log }) : provider,
      store: wrapped ? createResilientStore(table, log) : neverRejecting(table),
    });
    return { plan: instance, clock, validator };
  }

  return {
    instances: plan.instances.map(createInstance),
    questions,
    // Without repeats a flight asks in the very moment that its verdict counts from.
    turnedBackMs: () => (wrapped ? time.turnedBackMs() : 0),
    happens,
    heal: () => {
      healed = true;
    },
  };
}

function pick<T>(list: readonly T[], at: number): T {
  return list[at % list.length] as T;
}

function toVerdict(answer: Exclude<Answer, { kind: 'never' }>, { id }: { id: string }, nowMs: number): Verdict {
  if (answer.kind !== 'valid') return answer;
  const identity: Identity = { id, name: '', phoneNumber: null, pictureUrl: null, actionPackageId: null };
  return { kind: 'valid', identity, ...(answer.lifeMs === undefined ? {} : { expiresAtMs: nowMs + answer.lifeMs }) };
}

/** Unlike the real one it has no deadline, so that a read may end after the flight that began it. */
function neverRejecting(store: TokenStore): ReliableTokenStore {
  const { signal } = new AbortController();
  return {
    entryOf: (key) => ({
      read: () => store.read(key, signal).catch(() => undefined),
      write: (stored) => store.write(key, stored, signal).catch(() => {}),
    }),
  };
}
