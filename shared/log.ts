/** Log lines: one JSON object each, with a stable event name. Never a token, a name or a phone number. */
import { AsyncLocalStorage } from 'node:async_hooks';

export type LogLevel = 'info' | 'warn' | 'error';
type LogFields = Readonly<Record<string, string | number | readonly number[] | undefined>>;
export type Log = (level: LogLevel, event: string, fields?: LogFields) => void;
type LineWriter = Record<LogLevel, (line: string) => void>;
const invocation = new AsyncLocalStorage<{ writer: LineWriter | undefined }>();

/**
 * Writes through the current invocation's context, so that the host keeps the level and ties the line to the request.
 * Outside an invocation, writes to the console. The host guesses the level of such a line from its words, hence `level`.
 */
export const log: Log = (level, event, fields) => {
  const writer = invocation.getStore()?.writer;
  if (writer !== undefined) writer[level](JSON.stringify({ event, ...fields }));
  else console[level](JSON.stringify({ level, event, ...fields }));
};

/** Runs the work of one invocation; until it settles, `log` writes through the invocation's context. */
export function runWithInvocation<T>(context: LineWriter, run: () => Promise<T>): Promise<T> {
  const scope: { writer: LineWriter | undefined } = { writer: context };
  return invocation.run(scope, run).finally(() => {
    scope.writer = undefined; // the host drops lines that an invocation writes after its end
  });
}
