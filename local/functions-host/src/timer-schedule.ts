/** When a timer runs: an NCRONTAB expression or a TimeSpan, as the timer trigger's `schedule` gives it. */
import { Cron } from 'croner';
import { HostError, messageOf } from './host-error';

export interface TimerSchedule {
  /** As in the registration, with settings resolved. */
  readonly expression: string;
  /** Whether the handler sees a schedule status; the real host keeps none for intervals under a minute. */
  readonly isMonitored: boolean;
  next(after: Date): Date | undefined;
}

/** @throws HostError, its message a clause without the function's name, if the schedule cannot be understood. */
export function parseTimerSchedule(schedule: string, useMonitor: boolean, env: NodeJS.ProcessEnv): TimerSchedule {
  const expression = resolveSettings(schedule, env).trim();
  const next = parseTimeSpan(expression) ?? parseCron(expression);
  const first = next(new Date());
  const second = first && next(first);
  const isFrequent = first !== undefined && second !== undefined && second.getTime() - first.getTime() < 60_000;
  return { expression, isMonitored: useMonitor && !isFrequent, next };
}

/** `%NAME%` stands for the value of that setting. */
function resolveSettings(text: string, env: NodeJS.ProcessEnv): string {
  return text.replace(/%([^%]*)%/g, (reference, name: string) => {
    const value = env[name];
    if (!value) throw new HostError(`its schedule needs the setting ${reference}, which has no value`);
    return value;
  });
}

function parseTimeSpan(text: string): TimerSchedule['next'] | undefined {
  const found = /^(?:(\d+)\.)?([01]?\d|2[0-3]):([0-5]?\d):([0-5]?\d)$/.exec(text);
  if (!found) return undefined;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = found.slice(1).map((part) => Number(part ?? 0));
  const periodMs = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
  if (periodMs === 0) throw new HostError(`its schedule "${text}" is an interval of zero`);
  return (after) => new Date(after.getTime() + periodMs);
}

/** In local time, as `func start` does. NCRONTAB joins day of month and day of week by "and". */
function parseCron(text: string): TimerSchedule['next'] {
  // Croner also knows nicknames (@daily) and the modifiers ? L W #, which NCRONTAB does not.
  if (/[?#@+]|\dL|\dW|(?:^|[\s,])L/i.test(text)) throw invalid(text);
  try {
    const cron = new Cron(text, { mode: '5-or-6-parts', domAndDow: true, sloppyRanges: true });
    return (after) => cron.nextRun(after) ?? undefined;
  } catch (error) {
    throw invalid(text, error);
  }
}

function invalid(text: string, cause?: unknown): HostError {
  const reason = cause === undefined ? '' : ` (${messageOf(cause)})`;
  return new HostError(`its schedule "${text}" is neither an NCRONTAB expression nor a TimeSpan${reason}`, { cause });
}
