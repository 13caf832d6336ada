/**
 * A bulkhead: limits concurrent calls, with an adaptive LIFO queue for those that wait (Ben Maurer, "Fail at Scale",
 * ACM Queue 13(8), 2015).
 */

const MAX_QUEUED = 1_000;

/** Whether a call that starts after so many rounds of concurrent calls can still finish in time; 0 is now. */
export type CanStillFinish = (roundsAhead: number) => boolean;

export interface AdaptiveQueue {
  /**
   * Makes the call, at once or when a slot is free. Resolves to undefined without a call when it can no longer finish
   * in time, or when the queue is full and it has waited longest.
   */
  run<T>(call: () => Promise<T>, canStillFinish: CanStillFinish): Promise<T | undefined>;
}

interface Waiter {
  readonly resume: (hasSlot: boolean) => void;
  readonly canStillFinish: CanStillFinish;
}

export function createAdaptiveQueue(maxConcurrent: number): AdaptiveQueue {
  const queue: Waiter[] = [];
  let running = 0;

  function waitForSlot(canStillFinish: CanStillFinish): Promise<boolean> {
    return new Promise((resume) => {
      queue.push({ resume, canStillFinish });
      if (queue.length > MAX_QUEUED) queue.shift()?.resume(false);
    });
  }

  /** FIFO while everyone in the queue can still be served in time. Otherwise LIFO: FIFO would make everyone late. */
  function dequeue(): Waiter | undefined {
    while (queue[0]?.canStillFinish(0) === false) queue.shift()?.resume(false);
    const isTooLong = queue.at(-1)?.canStillFinish((queue.length - 1) / maxConcurrent) === false;
    const next = isTooLong ? queue.pop() : queue.shift();
    if (next === undefined || next.canStillFinish(0)) return next;
    next.resume(false);
    return dequeue();
  }

  function release(): void {
    const next = dequeue();
    if (next === undefined) running -= 1;
    else next.resume(true);
  }

  return {
    async run(call, canStillFinish) {
      if (running < maxConcurrent) running += 1;
      else if (!(await waitForSlot(canStillFinish))) return undefined;
      try {
        return await call();
      } finally {
        release();
      }
    },
  };
}
