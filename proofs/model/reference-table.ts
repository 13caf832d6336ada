/** What may be asked of the token table, in its plainest form: how failures of one kind of operation lead to a break. */

const DEADLINE_MS = 250;
const FAILURES = 3;
const BREAK_MS = 5_000;
const OWN_LAG_MS = 50;
const WARM_UP_MS = 10_000;

export interface Operation {
  readonly startedAtMs: number;
}

/** Shared by reads and writes. */
export interface Warmth {
  hasSucceeded: boolean;
}

export class ReferenceOperations {
  #failuresInARow = 0;
  #failedAtMs = 0;
  #probe: Operation | undefined;
  #firstTimeoutMs: number | undefined;

  constructor(
    private readonly elapsed: () => number,
    private readonly table: Warmth,
  ) {}

  /** Nothing during a break. */
  begin(): Operation | undefined {
    const operation = { startedAtMs: this.elapsed() };
    if (this.#failuresInARow < FAILURES) return operation;
    if (this.#probe !== undefined || this.elapsed() - this.#failedAtMs < BREAK_MS) return undefined;
    this.#probe = operation;
    return operation;
  }

  succeeded(operation: Operation): void {
    this.#end(operation);
    this.table.hasSucceeded = true;
    this.#failuresInARow = 0;
  }

  failed(operation: Operation): void {
    this.#end(operation);
    this.#failuresInARow += 1;
    this.#failedAtMs = this.elapsed();
  }

  /** Whether it is the table's fault. If so, it has been counted. */
  timedOut(operation: Operation): boolean {
    const { startedAtMs } = operation;
    this.#firstTimeoutMs ??= startedAtMs;
    const isLate = this.elapsed() - startedAtMs >= DEADLINE_MS + OWN_LAG_MS;
    const isWarmingUp = !this.table.hasSucceeded && this.elapsed() - this.#firstTimeoutMs < WARM_UP_MS;
    if (isLate || isWarmingUp) this.#end(operation);
    else this.failed(operation);
    return !isLate && !isWarmingUp;
  }

  #end(operation: Operation): void {
    if (this.#probe === operation) this.#probe = undefined;
  }
}
