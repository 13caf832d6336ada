/**
 * A bulkhead: limits concurrent calls, with an adaptive LIFO queue for those that wait (Ben Maurer, "Fail at Scale",
 * ACM Queue 13(8), 2015).
 */

const MAX_QUEUED = 1_000;

/** Whether a call that starts after so many rounds of concurrent calls can still finish in time; 0 is now. */
type CanStillFinish = (roundsAhead: number) => boolean;

/**
 * Makes the call, at once or when a slot is free. Resolves to undefined without a call when it can no longer finish in
 * time, or when the queue is full and it has waited longest.
 */
export type Enqueue = <T>(call: () => Promise<T>, canStillFinish: CanStillFinish) => Promise<T | undefined>;

export function createAdaptiveQueue(maxConcurrent: number): Enqueue {
  const queue: { resume: (hasSlot: boolean) => void; canStillFinish: CanStillFinish }[] = [];
  let running = 0;

  function waitForSlot(canStillFinish: CanStillFinish): Promise<boolean> {
    return new Promise((resume) => {
      queue.push({ resume, canStillFinish });
      if (queue.length > MAX_QUEUED) queue.shift()?.resume(false);
    });
  }

  /** FIFO while everyone in the queue can still be served in time. Otherwise LIFO: FIFO would make everyone late. */
  function giveSlotToNext(): void {
    while (queue[0]?.canStillFinish(0) === false) queue.shift()?.resume(false);
    const isTooLong = queue.at(-1)?.canStillFinish((queue.length - 1) / maxConcurrent) === false;
    const next = isTooLong ? queue.pop() : queue.shift();
    const hasSlot = next?.canStillFinish(0);
    if (next === undefined) running -= 1;
    next?.resume(hasSlot === true);
    if (hasSlot === false) giveSlotToNext();
  }

  return async function enqueue(call, canStillFinish) {
    if (running < maxConcurrent) running += 1;
    else if (!(await waitForSlot(canStillFinish))) return undefined;
    try {
      return await call();
    } finally {
      giveSlotToNext();
    }
  };
}
