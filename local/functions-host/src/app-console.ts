/** The console that the app sees: as in the real worker, it writes to the host's log. */
import { format } from 'node:util';
import type { AppLog } from './app-log';
import type { LogLevel } from './core-types';

/** What else a console can do (tables, timers) still goes to the process's own. */
export function createAppConsole(log: AppLog): Console {
  const at = (level: LogLevel) => ({
    value: (...parts: unknown[]) => log.app(level, 'user', format(...parts)),
  });
  return Object.create(console, {
    debug: at('debug'),
    log: at('information'),
    info: at('information'),
    warn: at('warning'),
    error: at('error'),
  }) as Console;
}
