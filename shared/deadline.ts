/** The one way in which this app limits how long something may take. */

/**
 * Runs the operation. After `ms` milliseconds, answers with `onTimeout` (which may throw) and aborts the operation's
 * signal, whether the operation heeds it or not. Drops a late result or failure.
 */
export async function withDeadline<T, U>(
  ms: number,
  operation: (signal: AbortSignal) => Promise<T>,
  onTimeout: () => U,
): Promise<T | U> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<U>((resolve, reject) => {
    timer = setTimeout(() => {
      try {
        resolve(onTimeout());
      } catch (error) {
        reject(error);
      }
      controller.abort(); // last, so that the failure it causes loses the race
    }, ms);
  });
  try {
    return await Promise.race([operation(controller.signal), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
