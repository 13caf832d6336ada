/**
 * The validation as design.md describes it, in its plainest form: no promises. It is told what happens, one event after
 * another, and says what each caller must get and what may be asked. The real one has to agree with it after every event.
 */
import type { Verdict } from '../../shared/auth/provider';
import type { Outcome } from './outcome';
import { isWellFormed, TOKEN_EXPIRES_AT_MS } from './plan';
import { ReferenceCircuit } from './reference-circuit';
import { type Operation, ReferenceOperations } from './reference-table';

const TABLE_MS = 250;
const IDENTITY_MS = 2_450;
const ATTEMPT_MS = 1_200;
const PAUSE_MS = 50;
const REJECTED_MS = 10_000;

export interface Stored {
  readonly question: number;
  readonly validatedAtMs: number;
  readonly expiresAtMs: number;
}

/** What one caller must have got by now; nothing while it waits. */
export interface Expectation {
  outcome?: Outcome;
}

/** One call of the identity service. */
export interface Call {
  /** It hangs because its connection is a dead one from the pool. */
  hangsInPool: boolean;
}

/** One key's lookup, which all who ask for it meanwhile wait for. */
export interface Lookup {
  readonly token: number;
  readonly waiting: Expectation[];
  readonly startedAtMs: number;
  phase: 'reading' | 'asking' | 'writing' | 'over';
  read?: Operation | undefined;
  readMs: number;
  mayWrite: boolean;
  attempts: number;
  calls: number;
  /** The one that is open. */
  call?: Call | undefined;
  askedAtMs: number;
  /** Of the last attempt. */
  last: Verdict;
}

export interface Write {
  readonly stored: Stored;
  readonly succeeded: () => void;
  readonly failed: () => void;
}

export interface ReferenceOptions {
  readonly ttlMs: number;
  readonly maxEntries: number;
  /** What the wall clock shows, wherever it has been set. */
  readonly wall: () => number;
  /** What it showed when the instance started, at which `elapsed` was 0. */
  readonly startMs: number;
  readonly elapsed: () => number;
}

interface Known {
  readonly stored: Stored;
  readonly endsAtMs: number;
}

export class ReferenceValidator {
  /** In the order of their last use. */
  readonly #valid = new Map<number, Known>();
  readonly #refused = new Map<number, { readonly kind: 'rejected' | 'throttled'; readonly untilMs: number }>();
  readonly #lookups = new Map<number, Lookup>();
  readonly #circuits;
  readonly #tableReads;
  readonly #tableWrites;
  /** What must have been asked so far. */
  readonly asked: Readonly<Record<'reads' | 'questions' | 'writes', number[]>> = {
    reads: [],
    questions: [],
    writes: [],
  };
  /** Of each token, the last. */
  readonly #writes = new Map<number, Write>();

  constructor(private readonly options: ReferenceOptions) {
    const { elapsed } = options;
    this.#circuits = { wellFormed: new ReferenceCircuit(elapsed), other: new ReferenceCircuit(elapsed) };
    const table = { hasSucceeded: false };
    this.#tableReads = new ReferenceOperations(elapsed, table);
    this.#tableWrites = new ReferenceOperations(elapsed, table);
  }

  called(token: number): Expectation {
    const known = this.#fromMemory(token);
    if (known !== undefined) return { outcome: known };
    const caller: Expectation = {};
    const pending = this.#lookups.get(token);
    if (pending !== undefined) pending.waiting.push(caller);
    else if (expiryOf(token) <= this.#now()) caller.outcome = { kind: 'rejected', reason: 'expired', source: 'token' };
    else this.#start(token, caller);
    return caller;
  }

  lookupOf(token: number): Lookup | undefined {
    return this.#lookups.get(token);
  }

  writeOf(token: number): Write | undefined {
    return this.#writes.get(token);
  }

  /** `failed`: the table says so itself. */
  readEnded(lookup: Lookup, operation: Operation, found: Stored | 'miss' | 'failed'): void {
    if (lookup.read !== operation) return;
    if (found === 'failed') this.#tableReads.failed(operation);
    else this.#tableReads.succeeded(operation);
    this.#afterRead(lookup, found === 'failed' ? 'unavailable' : found);
  }

  answered(lookup: Lookup, call: Call, verdict: Verdict, question: number): void {
    if (lookup.phase !== 'asking' || lookup.call !== call) return;
    lookup.call = undefined;
    const saysNothing = verdict.kind === 'unavailable' && verdict.onReusedConnection === true;
    if (saysNothing && lookup.calls === 1) {
      this.#ask(lookup);
      return;
    }
    this.#circuitOf(lookup.token).record(lookup.token, verdict);
    lookup.last = verdict;
    const mayBeFixed =
      verdict.kind === 'unavailable' &&
      verdict.retryAfterSeconds === undefined &&
      ['timeout', 'unreachable', 'server_error'].includes(verdict.cause);
    if (mayBeFixed && lookup.attempts < 2) this.#after(PAUSE_MS, () => this.#attempt(lookup));
    else this.#conclude(lookup, verdict, question);
  }

  /** The wall clock never shows less than the start and what has elapsed since. */
  #now(): number {
    return Math.max(this.options.wall(), this.options.startMs + this.options.elapsed());
  }

  #fromMemory(token: number): Outcome | undefined {
    const known = this.#valid.get(token);
    if (known !== undefined) {
      this.#touch(token, known);
      const isAlive = known.stored.expiresAtMs > this.#now() && known.endsAtMs > this.options.elapsed();
      if (isAlive) return { kind: 'valid', source: 'memory', ...known.stored };
    }
    const isRejected = this.#refusedForMs(token, 'rejected') > 0;
    return isRejected ? { kind: 'rejected', reason: 'rejected', source: 'memory' } : undefined;
  }

  #refusedForMs(token: number, kind: 'rejected' | 'throttled'): number {
    const refused = this.#refused.get(token);
    return refused?.kind === kind ? refused.untilMs - this.options.elapsed() : 0;
  }

  #start(token: number, caller: Expectation): void {
    const lookup: Lookup = {
      token,
      waiting: [caller],
      startedAtMs: this.options.elapsed(),
      phase: 'reading',
      readMs: 0,
      mayWrite: true,
      attempts: 0,
      calls: 0,
      askedAtMs: 0,
      last: { kind: 'unavailable', cause: 'circuit_open' },
    };
    this.#lookups.set(token, lookup);
    const operation = this.#tableReads.begin();
    if (operation === undefined) {
      this.#afterRead(lookup, 'unavailable');
      return;
    }
    this.asked.reads.push(token);
    lookup.read = operation;
    this.#after(TABLE_MS, () => {
      if (lookup.read !== operation) return;
      this.#afterRead(lookup, this.#tableReads.timedOut(operation) ? 'unavailable' : 'miss');
    });
  }

  #afterRead(lookup: Lookup, row: Stored | 'miss' | 'unavailable'): void {
    const { ttlMs, elapsed } = this.options;
    lookup.read = undefined;
    lookup.readMs = elapsed() - lookup.startedAtMs;
    lookup.mayWrite = row !== 'unavailable';
    const now = this.#now();
    if (typeof row === 'object') {
      const boundsMs = [row.expiresAtMs, row.validatedAtMs + ttlMs, now + ttlMs, expiryOf(lookup.token)];
      const stored = { ...row, expiresAtMs: Math.min(...boundsMs) };
      if (stored.expiresAtMs > now) {
        this.#remember(lookup, 'table', stored);
        return;
      }
    }
    const throttledMs = this.#refusedForMs(lookup.token, 'throttled');
    if (throttledMs > 0) {
      this.#endUnavailable(lookup, 'throttled', Math.ceil(throttledMs / 1_000));
      return;
    }
    lookup.askedAtMs = now;
    lookup.phase = 'asking';
    this.#attempt(lookup);
    this.#after(IDENTITY_MS, () => this.#endOfBudget(lookup));
  }

  #attempt(lookup: Lookup): void {
    if (lookup.phase !== 'asking') return;
    const circuit = this.#circuitOf(lookup.token);
    lookup.attempts += 1;
    if (circuit.isOpen()) this.#conclude(lookup, lookup.last);
    else if (circuit.admits(lookup.token)) this.#ask(lookup);
    else this.#conclude(lookup, { kind: 'unavailable', cause: 'circuit_open' });
  }

  #ask(lookup: Lookup): void {
    const call: Call = { hangsInPool: false };
    lookup.calls += 1;
    lookup.call = call;
    this.asked.questions.push(lookup.token);
    this.#after(ATTEMPT_MS, () => {
      const verdict = { kind: 'unavailable', cause: 'timeout', onReusedConnection: call.hangsInPool } as const;
      this.answered(lookup, call, verdict, Number.NaN);
    });
  }

  /** Nothing is learned from a call that the end of the budget cuts short. */
  #endOfBudget(lookup: Lookup): void {
    if (lookup.phase !== 'asking') return;
    const cut: Verdict = { kind: 'unavailable', cause: 'busy' };
    if (lookup.call !== undefined) this.#circuitOf(lookup.token).record(lookup.token, cut);
    this.#conclude(lookup, { kind: 'unavailable', cause: 'timeout' });
  }

  #conclude(lookup: Lookup, verdict: Verdict, question = Number.NaN): void {
    const { token } = lookup;
    lookup.call = undefined;
    if (verdict.kind === 'valid') {
      this.#validated(lookup, question, verdict.expiresAtMs ?? Number.POSITIVE_INFINITY);
    } else if (verdict.kind === 'rejected') {
      this.#valid.delete(token);
      this.#refused.delete(token);
      if (verdict.cacheable) this.#refuse(token, 'rejected', REJECTED_MS);
      this.#end(lookup, { kind: 'rejected', reason: 'rejected', source: 'identity-service' });
    } else {
      const seconds = verdict.retryAfterSeconds ?? this.#circuitOf(token).retryAfterSeconds();
      if (verdict.cause === 'throttled') this.#refuse(token, 'throttled', seconds * 1_000);
      this.#endUnavailable(lookup, verdict.cause, seconds);
    }
  }

  #validated(lookup: Lookup, question: number, boundMs: number): void {
    const { token, askedAtMs, readMs } = lookup;
    const expiresAtMs = Math.min(askedAtMs + this.options.ttlMs, expiryOf(token), boundMs);
    const stored = { question, validatedAtMs: askedAtMs, expiresAtMs };
    lookup.phase = 'writing';
    const end = () => {
      if (lookup.phase === 'over') return;
      if (expiresAtMs > this.#now()) this.#remember(lookup, 'identity-service', stored);
      else if (Math.min(expiryOf(token), boundMs) > this.#now()) this.#endUnavailable(lookup, 'timeout', 1);
      else this.#end(lookup, { kind: 'rejected', reason: 'expired', source: 'identity-service' });
    };
    const operation = lookup.mayWrite && expiresAtMs > this.#now() ? this.#tableWrites.begin() : undefined;
    if (operation === undefined) {
      end();
      return;
    }
    let isOver = false;
    const ended = (note: () => void) => () => {
      if (isOver) return;
      isOver = true;
      note();
      end();
    };
    this.asked.writes.push(token);
    this.#writes.set(token, {
      stored,
      succeeded: ended(() => this.#tableWrites.succeeded(operation)),
      failed: ended(() => this.#tableWrites.failed(operation)),
    });
    this.#after(
      TABLE_MS,
      ended(() => this.#tableWrites.timedOut(operation)),
    );
    this.#after(Math.max(1, TABLE_MS - readMs), end); // the shortest time of a timer is 1 ms
  }

  #remember(lookup: Lookup, source: 'table' | 'identity-service', stored: Stored): void {
    const lifeMs = Math.min(stored.expiresAtMs - this.#now(), this.options.ttlMs);
    this.#touch(lookup.token, { stored, endsAtMs: this.options.elapsed() + lifeMs });
    this.#refused.delete(lookup.token);
    const [oldest] = this.#valid.keys();
    if (this.#valid.size > this.options.maxEntries && oldest !== undefined) this.#valid.delete(oldest);
    this.#end(lookup, { kind: 'valid', source, ...stored });
  }

  #refuse(token: number, kind: 'rejected' | 'throttled', ms: number): void {
    this.#refused.set(token, { kind, untilMs: this.options.elapsed() + ms });
  }

  #touch(token: number, known: Known): void {
    this.#valid.delete(token);
    this.#valid.set(token, known);
  }

  #endUnavailable(lookup: Lookup, cause: string, retryAfterSeconds: number): void {
    this.#end(lookup, { kind: 'unavailable', cause, retryAfterSeconds, source: 'none' });
  }

  #end(lookup: Lookup, outcome: Outcome): void {
    lookup.phase = 'over';
    for (const caller of lookup.waiting) caller.outcome = outcome;
    this.#lookups.delete(lookup.token);
  }

  #circuitOf(token: number): ReferenceCircuit {
    return isWellFormed(token) ? this.#circuits.wellFormed : this.#circuits.other;
  }

  /** The virtual clock's own timer: it fires before what the real one sets afterwards for the same moment. */
  #after(ms: number, fire: () => void): void {
    setTimeout(fire, ms);
  }
}

function expiryOf(token: number): number {
  return TOKEN_EXPIRES_AT_MS[token] as number;
}
