/** A cap on calls at a time. What is above it waits in a line that serves the newest and the oldest in turn. */

const MAX_WAITING = 1_000;

/** The call was not made: its turn did not come in time. */
export class NoTurnError extends Error {}

export interface CallLimit {
  /**
   * Makes the call, at once or when its turn comes. Throws NoTurnError in place of that when it cannot finish any more,
   * or when the line is full and it is the oldest there.
   *
   * @param canFinish whether there is still time enough for the call
   */
  run<T>(call: () => Promise<T>, canFinish: () => boolean): Promise<T>;
}

interface Waiting {
  readonly begin: () => void;
  readonly refuse: () => void;
  readonly canFinish: () => boolean;
}

/**
 * First come, first served would let a flood take every turn, and then serve those first whose time runs out soonest,
 * in vain. Of two turns, one goes to who came last, whose time is still whole; and all of them, while there are some
 * that cannot be served in time.
 */
export function createCallLimit(maxAtATime: number): CallLimit {
  const line: Waiting[] = []; // the oldest first
  let running = 0;
  let newestIsNext = true;

  function turn(canFinish: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      line.push({ begin: resolve, refuse: () => reject(new NoTurnError()), canFinish });
      if (line.length > MAX_WAITING) line.shift()?.refuse();
    });
  }

  function passOn(): void {
    const next = takeNext();
    if (next === undefined) running -= 1;
    else next.begin();
  }

  function takeNext(): Waiting | undefined {
    while (line[0]?.canFinish() === false) {
      line.shift()?.refuse();
      newestIsNext = true;
    }
    const next = newestIsNext ? line.pop() : line.shift();
    newestIsNext = !newestIsNext;
    if (next === undefined || next.canFinish()) return next;
    next.refuse();
    return takeNext();
  }

  return {
    async run(call, canFinish) {
      if (running < maxAtATime) running += 1;
      else await turn(canFinish);
      try {
        return await call();
      } finally {
        passOn();
      }
    },
  };
}
