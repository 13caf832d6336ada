/** The circuit breaker of design.md in its plainest form. */
import type { Verdict } from '../../shared/auth/provider';

const TOKENS = 5;
const OPEN_MS = 5_000;
const SUCCESS_MS = 1_000;
const LONGEST_THROTTLED_MS = 60_000;

interface Open {
  untilMs: number;
  probe?: number | undefined;
}

export class ReferenceCircuit {
  /** Since the last success: the tokens that failed. */
  #failed = new Set<number>();
  /** Since the last answer of another kind: what each of the first 5 tokens was told. */
  #throttledMs = new Map<number, number>();
  #succeededAtMs = Number.NEGATIVE_INFINITY;
  #open: Open | undefined;
  /** Tokens that got no verdict since it opened: others are to make the next probe. */
  #triedInVain = new Set<number>();

  constructor(private readonly elapsed: () => number) {}

  isOpen(): boolean {
    return this.#open !== undefined && this.elapsed() < this.#open.untilMs;
  }

  retryAfterSeconds(): number {
    if (this.#open === undefined) return 5;
    return Math.max(1, Math.ceil((this.#open.untilMs - this.elapsed()) / 1_000));
  }

  admits(token: number): boolean {
    if (this.#open === undefined) return true;
    const waitedMs = this.elapsed() - this.#open.untilMs;
    if (waitedMs < 0 || this.#open.probe !== undefined) return false;
    if (this.#triedInVain.has(token) && waitedMs < OPEN_MS) return false;
    this.#open.probe = token;
    return true;
  }

  record(token: number, verdict: Verdict): void {
    if (verdict.kind !== 'unavailable') {
      this.#failed.clear();
      this.#throttledMs.clear();
      this.#succeededAtMs = this.elapsed();
      this.#open = undefined;
      return;
    }
    if (this.#open !== undefined) {
      this.#triedInVain.add(token);
      if (this.#open.probe !== token) return;
      this.#open.probe = undefined;
    }
    if (verdict.cause === 'busy') return;
    if (verdict.cause === 'throttled') this.#throttled(token, verdict.retryAfterSeconds);
    else this.#throttledMs.clear();
    if (['timeout', 'unreachable', 'server_error'].includes(verdict.cause)) this.#failedWith(token);
  }

  #failedWith(token: number): void {
    this.#failed.add(token);
    const isLongAgo = this.elapsed() - this.#succeededAtMs >= SUCCESS_MS;
    if (this.#open !== undefined || (this.#failed.size >= TOKENS && isLongAgo)) this.#openFor(OPEN_MS);
  }

  #throttled(token: number, seconds = OPEN_MS / 1_000): void {
    const ms = Math.min(seconds * 1_000, LONGEST_THROTTLED_MS);
    if (this.#throttledMs.size < TOKENS) this.#throttledMs.set(token, ms);
    if (this.#throttledMs.size === TOKENS) this.#openFor(Math.min(ms, ...this.#throttledMs.values()));
  }

  #openFor(ms: number): void {
    if (this.#open === undefined) this.#triedInVain.clear();
    this.#open = { untilMs: this.elapsed() + ms };
  }
}
