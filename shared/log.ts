/** Log lines outside of an invocation: one JSON object each, with a stable event name. Never a token, name or phone number. */

export type LogLevel = 'info' | 'warn' | 'error';

export type Log = (level: LogLevel, event: string, fields?: Readonly<Record<string, string | number>>) => void;

/** The Functions worker forwards the console to the host's log, with its level. */
export const consoleLog: Log = (level, event, fields) => console[level](JSON.stringify({ event, ...fields }));
