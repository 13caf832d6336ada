/**
 * A validator in its plainest form: no promises, no timers. It is told what happens, one event after another, and says
 * what each caller must get and what may be asked. The real one has to agree with it after every event.
 */
import type { Verdict } from '../../shared/auth/provider';
import type { Outcome } from './outcome';
import { TOKEN_EXPIRES_AT_MS } from './plan';

const FLIGHT_MS = 2_700;
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

export interface Flight {
  readonly token: number;
  readonly endsAtUptimeMs: number;
  readonly waiting: Expectation[];
  asking: boolean;
  validatedAtMs: number;
  over: boolean;
}

export interface ReferenceOptions {
  readonly ttlMs: number;
  readonly maxEntries: number;
  readonly clock: () => number;
  readonly uptimeMs: () => number;
}

export class ReferenceValidator {
  /** In the order of their last use. */
  readonly #valid = new Map<number, Stored>();
  readonly #rejectedUntilMs = new Map<number, number>();
  readonly #flights = new Map<number, Flight>();
  readonly #options: ReferenceOptions;
  /** What must have been asked so far. */
  readonly reads: number[] = [];
  readonly questions: number[] = [];
  readonly writes: { readonly token: number; readonly stored: Stored }[] = [];

  constructor(options: ReferenceOptions) {
    this.#options = options;
  }

  authenticate(token: number): Expectation {
    const now = this.#options.clock();
    const known = this.#valid.get(token);
    if (known !== undefined) this.#touch(token, known);
    if (known !== undefined && known.expiresAtMs > now)
      return { outcome: { kind: 'valid', source: 'memory', ...known } };
    if ((this.#rejectedUntilMs.get(token) ?? 0) > now) return { outcome: { kind: 'rejected' } };
    const caller: Expectation = {};
    const flight = this.#flights.get(token);
    if (flight !== undefined) {
      flight.waiting.push(caller);
    } else if (expiryOf(token) <= now) {
      caller.outcome = { kind: 'expired' };
    } else {
      const endsAtUptimeMs = this.#options.uptimeMs() + FLIGHT_MS;
      const begun = { token, endsAtUptimeMs, waiting: [caller], asking: false, validatedAtMs: 0, over: false };
      this.#flights.set(token, begun);
      this.reads.push(token);
    }
    return caller;
  }

  flightOf(token: number): Flight | undefined {
    return this.#flights.get(token);
  }

  readEnded(flight: Flight, row: Stored | undefined): void {
    if (flight.over) return;
    const { clock, ttlMs } = this.#options;
    const now = clock();
    if (row !== undefined) {
      const boundsMs = [row.expiresAtMs, row.validatedAtMs + ttlMs, now + ttlMs, expiryOf(flight.token)];
      const stored = { ...row, expiresAtMs: Math.min(...boundsMs) };
      if (stored.expiresAtMs > now) {
        this.#remember(flight, 'table', stored);
        return;
      }
    }
    Object.assign(flight, { asking: true, validatedAtMs: now });
    this.questions.push(flight.token);
  }

  answered(flight: Flight, verdict: Verdict, question: number): void {
    if (flight.over) return;
    if (verdict.kind === 'valid') {
      this.#validated(flight, question, verdict.expiresAtMs ?? Number.POSITIVE_INFINITY);
    } else if (verdict.kind === 'rejected') {
      if (verdict.definite) {
        this.#rejectedUntilMs.set(flight.token, this.#options.clock() + REJECTED_MS);
        this.#valid.delete(flight.token);
      }
      this.#end(flight, { kind: 'rejected' });
    } else {
      const retryAfterSeconds = verdict.retryAfterSeconds ?? 5;
      this.#end(flight, { kind: 'unavailable', reason: verdict.cause, retryAfterSeconds });
    }
  }

  /** To be told whenever time has passed: a flight has a deadline. */
  timePassed(): void {
    for (const flight of this.#flights.values()) {
      if (flight.endsAtUptimeMs > this.#options.uptimeMs()) continue;
      this.#end(flight, { kind: 'unavailable', reason: 'timeout', retryAfterSeconds: 5 });
    }
  }

  #validated(flight: Flight, question: number, boundMs: number): void {
    const { validatedAtMs, token } = flight;
    const expiresAtMs = Math.min(validatedAtMs + this.#options.ttlMs, expiryOf(token), boundMs);
    if (expiresAtMs <= this.#options.clock()) {
      this.#end(flight, { kind: 'expired' });
      return;
    }
    const stored = { question, validatedAtMs, expiresAtMs };
    this.writes.push({ token, stored });
    this.#remember(flight, 'identity-service', stored);
  }

  #remember(flight: Flight, source: 'table' | 'identity-service', stored: Stored): void {
    this.#touch(flight.token, stored);
    this.#rejectedUntilMs.delete(flight.token);
    const [oldest] = this.#valid.keys();
    if (this.#valid.size > this.#options.maxEntries && oldest !== undefined) this.#valid.delete(oldest);
    this.#end(flight, { kind: 'valid', source, ...stored });
  }

  #touch(token: number, stored: Stored): void {
    this.#valid.delete(token);
    this.#valid.set(token, stored);
  }

  #end(flight: Flight, outcome: Outcome): void {
    flight.over = true;
    for (const caller of flight.waiting) caller.outcome = outcome;
    this.#flights.delete(flight.token);
  }
}

function expiryOf(token: number): number {
  return TOKEN_EXPIRES_AT_MS[token] as number;
}
