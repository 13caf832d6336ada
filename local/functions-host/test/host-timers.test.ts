/** Schedules and runs of the embedded host's timers, on a fake clock. */
import { parseTimerSchedule } from '../src/timer-schedule';
import { startTimer } from '../src/timers';

// In local time, as schedules are.
const noon = new Date(2024, 0, 31, 12, 0, 0);

beforeEach(() => {
  jest.useFakeTimers({ now: noon });
});
afterEach(() => {
  jest.useRealTimers();
});

it.each([
  ['0 0 * * * *', new Date(2024, 0, 31, 13, 0, 0)],
  ['*/20 * * * * *', new Date(2024, 0, 31, 12, 0, 20)],
  ['5/20 * * * * *', new Date(2024, 0, 31, 12, 0, 5)],
  ['30 4 * * *', new Date(2024, 1, 1, 4, 30, 0)],
  ['0 0 9 * Feb Mon-Fri', new Date(2024, 1, 1, 9, 0, 0)],
  // Both the day of month and the day of week: the next 13th that is a Friday.
  ['0 0 0 13 * 5', new Date(2024, 8, 13, 0, 0, 0)],
  ['00:10:00', new Date(2024, 0, 31, 12, 10, 0)],
  ['1.00:00:00', new Date(2024, 1, 1, 12, 0, 0)],
  ['%EVERY%', new Date(2024, 0, 31, 12, 5, 0)],
])('schedule %s comes next at %s', (expression, next) => {
  expect(parseTimerSchedule(expression, true, { EVERY: '0 */5 * * * *' }).next(noon)).toEqual(next);
});

it.each(['', '* * * *', '0 0 * * * * *', '60 * * * * *', '@daily', '0 0 0 L * *', '24:00:00', '1:2'])(
  'refuses the schedule "%s"',
  (expression) => {
    expect(() => parseTimerSchedule(expression, true, {})).toThrow('neither an NCRONTAB expression nor a TimeSpan');
  },
);

it('monitors only intervals of a minute or more', () => {
  const isMonitored = (schedule: string, useMonitor = true) => parseTimerSchedule(schedule, useMonitor, {}).isMonitored;
  expect(isMonitored('0 * * * * *')).toBe(true);
  expect(isMonitored('0 * * * * *', false)).toBe(false);
  expect(isMonitored('*/30 * * * * *')).toBe(false);
});

it('runs at each due time, skips those that pass while it runs, and stops', async () => {
  const runs: (() => void)[] = [];
  const schedule = parseTimerSchedule('0 * * * * *', true, {});
  const timer = startTimer({ schedule, runOnStartup: false }, () => new Promise<void>((finish) => runs.push(finish)));
  await jest.advanceTimersByTimeAsync(59_999);
  expect(runs).toHaveLength(0);
  await jest.advanceTimersByTimeAsync(1);
  expect(runs).toHaveLength(1);
  await jest.advanceTimersByTimeAsync(150_000);
  expect(runs).toHaveLength(1);
  runs[0]?.();
  await jest.advanceTimersByTimeAsync(30_000);
  expect(runs).toHaveLength(2);
  runs[1]?.();
  timer.stop();
  await jest.advanceTimersByTimeAsync(600_000);
  expect(runs).toHaveLength(2);
});

it('goes on after a run that failed, and tells of the last run', async () => {
  const statuses: unknown[] = [];
  startTimer({ schedule: parseTimerSchedule('0 * * * * *', true, {}), runOnStartup: false }, async (_, timerInfo) => {
    statuses.push(JSON.parse(timerInfo));
    throw new Error('failed');
  });
  await jest.advanceTimersByTimeAsync(120_000);
  const at = (seconds: number) => new Date(noon.getTime() + seconds * 1000).toISOString();
  const never = '0001-01-01T00:00:00+00:00';
  const common = { Schedule: { AdjustForDST: true }, IsPastDue: false };
  expect(statuses).toEqual([
    { ...common, ScheduleStatus: { Last: never, Next: at(120), LastUpdated: never } },
    { ...common, ScheduleStatus: { Last: at(60), Next: at(180), LastUpdated: at(60) } },
  ]);
});

it('waits for a time that lies beyond the longest delay of a Node.js timer', async () => {
  let runs = 0;
  startTimer({ schedule: parseTimerSchedule('0 0 0 1 4 *', true, {}), runOnStartup: false }, async () => {
    runs += 1;
  });
  await jest.advanceTimersByTimeAsync(59 * 86_400_000);
  expect(runs).toBe(0);
  await jest.advanceTimersByTimeAsync(3 * 86_400_000);
  expect(runs).toBe(1);
});
