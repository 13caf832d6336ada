/** Log lines: one JSON object each, with a stable event name. Never a token, a name or a phone number. */
import { AsyncLocalStorage } from 'node:async_hooks';

export type LogLevel = 'info' | 'warn' | 'error';

export type LogFields = Readonly<Record<string, string | number | readonly string[] | undefined>>;

export type Log = (level: LogLevel, event: string, fields?: LogFields) => void;

type LineWriter = Record<LogLevel, (line: string) => void>;

const invocation = new AsyncLocalStorage<{ writer: LineWriter }>();

/**
 * Writes by the context of the invocation that it is called in, so that the host keeps the level and ties the line to the
 * request's trace; outside of one, and after its end, by the console, which the host takes for plain lines.
 */
export const log: Log = (level, event, fields) => {
  const { writer } = invocation.getStore() ?? { writer: console };
  writer[level](JSON.stringify({ event, ...fields }));
};

/** Runs what belongs to one invocation. @param context of the invocation */
export function inInvocation<T>(context: LineWriter, run: () => Promise<T>): Promise<T> {
  const scope = { writer: context };
  // The library warns of whoever logs by the context of an invocation that has ended.
  return invocation.run(scope, run).finally(() => {
    scope.writer = console;
  });
}
