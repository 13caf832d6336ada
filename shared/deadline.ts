/** The one way in which this app limits how long something may take. */

type Operation<T> = (signal: AbortSignal) => Promise<T>;
type OnTimeout<T, U> = (late: Promise<T>) => U | Promise<U>;

/**
 * Runs the operation. After `ms` milliseconds, answers with `onTimeout` (which may throw, or wait for what the late
 * operation gives) and aborts the operation's signal. Drops a late result or failure.
 */
export async function withDeadline<T, U>(ms: number, operation: Operation<T>, onTimeout: OnTimeout<T, U>) {
  const controller = new AbortController();
  const running = operation(controller.signal);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<T | U>((resolve, reject) => {
      running.then(resolve, reject);
      timer = setTimeout(() => {
        try {
          resolve(onTimeout(running));
        } catch (error) {
          reject(error);
        }
        controller.abort(); // last: the failure that it causes is dropped
      }, ms);
    });
  } finally {
    clearTimeout(timer);
  }
}
