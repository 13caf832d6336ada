/** What the app and its invocations write to the log, one line per call, never with headers, bodies or query strings. */
import type { LogCategory, LogLevel } from './core-types';
import { stackOf } from './host-error';

const levels: readonly LogLevel[] = ['trace', 'debug', 'information', 'warning', 'error', 'critical', 'none'];

export interface AppLog {
  /** A line of the host itself. */
  host(text: string): void;
  /** A message of the app (`user`) or of the library (`system`). */
  app(level: LogLevel, category: LogCategory, text: string): void;
  /** An error that the app threw, with its stack. */
  failure(thrown: unknown): void;
}

/** `minimum` applies to the app's own messages; of the library's, as in the real host, only warnings and worse appear. */
export function createAppLog(log: (line: string) => void, minimum: LogLevel): AppLog {
  const write = (text: string) => {
    for (const line of text.split(/\r?\n/)) log(line);
  };
  return {
    host: write,
    app(level, category, text) {
      if (level === 'none' || minimum === 'none') return;
      if (rank(level) < rank(category === 'user' ? minimum : 'warning')) return;
      write(level === 'information' ? text : `${level}: ${text}`);
    },
    failure: (thrown) => write(stackOf(thrown)),
  };
}

function rank(level: LogLevel): number {
  return levels.indexOf(level);
}

/** host.json spells levels in any letter case; an unknown one counts as the default, `information`. */
export function toLogLevel(name: string | undefined): LogLevel {
  return levels.find((level) => level === name?.toLowerCase()) ?? 'information';
}
