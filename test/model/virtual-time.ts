/** Time that only the test moves: this process' timers, and a wall clock that may jump where a timer never does. */

export interface VirtualTime {
  /** Milliseconds that have passed; what timers count by. */
  uptimeMs(): number;
  /** Milliseconds since the epoch; what verdicts count by. */
  wallMs(): number;
  /** Fires what falls due on the way, and lets each have its effect before the next. */
  advance(ms: number): Promise<void>;
  /** Sets the wall clock forward or back, as a time service does: no timer notices. */
  turnClock(ms: number): void;
  /** By how much, in all, it has been set back. */
  turnedBackMs(): number;
  restore(): void;
}

interface Timer {
  readonly dueMs: number;
  readonly fire: () => void;
}

const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout, now: Date.now };

/** Lets everything happen that waits for nothing but its turn. */
export function drain(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Takes the place of setTimeout, clearTimeout and Date.now until `restore`: the breakers and deadlines use them. */
export function startVirtualTime(startMs: number): VirtualTime {
  const timers = new Map<number, Timer>();
  let uptimeMs = 0;
  let turnedMs = 0;
  let turnedBackMs = 0;
  let lastId = 0;

  const setTimer = (fire: () => void, delayMs = 0) => {
    lastId += 1;
    timers.set(lastId, { dueMs: uptimeMs + delayMs, fire });
    return lastId;
  };
  Object.assign(globalThis, { setTimeout: setTimer, clearTimeout: (id: number) => timers.delete(id) });
  const wallMs = () => startMs + uptimeMs + turnedMs;
  Date.now = wallMs;

  /** Of those that fall due together the first one set comes first. */
  function nextTimer(untilMs: number): [number, Timer] | undefined {
    let next: [number, Timer] | undefined;
    for (const entry of timers) {
      if (entry[1].dueMs <= untilMs && entry[1].dueMs < (next?.[1].dueMs ?? Number.POSITIVE_INFINITY)) next = entry;
    }
    return next;
  }

  return {
    uptimeMs: () => uptimeMs,
    wallMs,
    async advance(ms) {
      await drain();
      const untilMs = uptimeMs + ms;
      for (let next = nextTimer(untilMs); next !== undefined; next = nextTimer(untilMs)) {
        const [id, timer] = next;
        timers.delete(id);
        uptimeMs = timer.dueMs;
        timer.fire();
        await drain();
      }
      uptimeMs = untilMs;
    },
    turnClock(ms) {
      turnedMs += ms;
      if (ms < 0) turnedBackMs -= ms;
    },
    turnedBackMs: () => turnedBackMs,
    restore() {
      Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
      Date.now = real.now;
    },
  };
}
