/** Time that only the test moves: timers and the monotonic clock. Wall clocks are each instance's own. */

export interface VirtualTime {
  /** Milliseconds that have passed: the monotonic clock, which timers go by. */
  elapsed(): number;
  /** Fires what falls due on the way, and lets each have its effect before the next. */
  advance(ms: number): Promise<void>;
  /** Lets time pass at once, as while the event loop is blocked; then fires what fell due meanwhile. */
  block(ms: number): Promise<void>;
  /** For how long, in all, the event loop has been blocked. */
  blockedMs(): number;
  restore(): void;
}

interface Timer {
  readonly dueMs: number;
  readonly fire: () => void;
}

const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };

/** Lets everything happen that waits for nothing but its turn. */
export function drain(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Takes the place of setTimeout and clearTimeout until `restore`. */
export function startVirtualTime(): VirtualTime {
  const timers = new Map<number, Timer>();
  let elapsedMs = 0;
  let blockedMs = 0;
  let lastId = 0;

  const setTimer = (fire: () => void, delayMs = 0) => {
    lastId += 1;
    timers.set(lastId, { dueMs: elapsedMs + delayMs, fire });
    return lastId;
  };
  Object.assign(globalThis, { setTimeout: setTimer, clearTimeout: (id: number) => timers.delete(id) });

  /** Of those that fall due together, the one that was set first comes first. */
  function nextTimer(untilMs: number): [number, Timer] | undefined {
    let next: [number, Timer] | undefined;
    for (const entry of timers) {
      if (entry[1].dueMs <= untilMs && entry[1].dueMs < (next?.[1].dueMs ?? Number.POSITIVE_INFINITY)) next = entry;
    }
    return next;
  }

  async function advance(ms: number): Promise<void> {
    await drain();
    const untilMs = elapsedMs + ms;
    for (let next = nextTimer(untilMs); next !== undefined; next = nextTimer(untilMs)) {
      const [id, timer] = next;
      timers.delete(id);
      elapsedMs = Math.max(elapsedMs, timer.dueMs);
      timer.fire();
      await drain();
    }
    elapsedMs = untilMs;
  }

  return {
    elapsed: () => elapsedMs,
    advance,
    async block(ms) {
      await drain();
      elapsedMs += ms;
      blockedMs += ms;
      await advance(0);
    },
    blockedMs: () => blockedMs,
    restore: () => {
      Object.assign(globalThis, real);
    },
  };
}
