/** A cap on calls at a time, and the line of those that wait for their turn. */

const MAX_WAITING = 1_000;

/** The call was not made: its turn did not come in time. */
export class NoTurnError extends Error {}

/** Whether there is time enough for a call that begins after so many rounds of calls at a time; 0 is now. */
export type CanFinish = (rounds: number) => boolean;

export interface CallLimit {
  /**
   * Makes the call, at once or when its turn comes. Throws NoTurnError in place of that when it cannot finish any more at
   * its turn, or when the line is full and it has waited longest.
   */
  run<T>(call: () => Promise<T>, canFinish: CanFinish): Promise<T>;
}

interface Waiting {
  readonly begin: () => void;
  readonly refuse: () => void;
  readonly canFinish: CanFinish;
}

/**
 * Who has waited longest has the next turn, as long as there is time for the last in the line after all the others. When
 * there is not, that would serve everybody late, and the next ones in vain; so the last has it, whose time is still whole.
 */
export function createCallLimit(maxAtATime: number): CallLimit {
  const line: Waiting[] = [];
  let running = 0;

  function turn(canFinish: CanFinish): Promise<void> {
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
    while (line[0]?.canFinish(0) === false) line.shift()?.refuse();
    const isTooLong = line.at(-1)?.canFinish((line.length - 1) / maxAtATime) === false;
    const next = isTooLong ? line.pop() : line.shift();
    if (next === undefined || next.canFinish(0)) return next;
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
