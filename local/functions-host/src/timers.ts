/** Runs timer functions on their schedules, and by hand; the schedule's state is kept in memory only. */
import type { TimerFunction } from './function-definition';
import type { TimerSchedule } from './timer-schedule';

/** The longest delay that `setTimeout` takes. */
const longestDelayMs = 2 ** 31 - 1;

export interface RunningTimer {
  /** Runs once, after any run that is under way; settles when it is done, and never rejects. */
  fire(reason: string): Promise<void>;
  /** No further run begins on schedule. */
  stop(): void;
}

interface ScheduleStatus {
  readonly last: Date | undefined;
  readonly next: Date | undefined;
}

/** `run` invokes the function with the trigger's argument as JSON. A waiting timer does not keep the process alive. */
export function startTimer(
  timer: Pick<TimerFunction, 'schedule' | 'runOnStartup'>,
  run: (reason: string, timerInfo: string) => Promise<unknown>,
): RunningTimer {
  const { schedule } = timer;
  let isStopped = false;
  let timeout: NodeJS.Timeout | undefined;
  let last: Date | undefined;
  let queue: Promise<void> = Promise.resolve();

  function fire(reason: string): Promise<void> {
    queue = queue.then(async () => {
      const now = new Date();
      // A failed run is in the log already, and the next one comes all the same.
      await run(reason, toTimerInfo(schedule, { last, next: schedule.next(now) })).catch(() => undefined);
      last = now;
    });
    return queue;
  }

  function wait(due: Date | undefined): void {
    if (isStopped || !due) return;
    const delayMs = Math.min(due.getTime() - Date.now(), longestDelayMs);
    timeout = setTimeout(async () => {
      if (Date.now() < due.getTime()) return wait(due);
      await fire(`Timer fired at ${new Date().toISOString()}`);
      wait(schedule.next(new Date()));
    }, delayMs).unref();
  }

  wait(schedule.next(new Date()));
  if (timer.runOnStartup) void fire(`Timer fired at ${new Date().toISOString()}`);

  return {
    fire,
    stop() {
      isStopped = true;
      clearTimeout(timeout);
    },
  };
}

/** Spelt as the host spells it; the library turns the names to camel case. */
function toTimerInfo(schedule: TimerSchedule, { last, next }: ScheduleStatus): string {
  const never = '0001-01-01T00:00:00+00:00';
  const status = {
    Last: last?.toISOString() ?? never,
    Next: next?.toISOString() ?? never,
    LastUpdated: last?.toISOString() ?? never,
  };
  return JSON.stringify({
    Schedule: { AdjustForDST: true },
    ScheduleStatus: schedule.isMonitored ? status : null,
    IsPastDue: false,
  });
}
