/** W3C Server Timing: shows where the identity came from in a browser's developer tools. */
import type { Source } from '../auth/validator';

export interface Timings {
  readonly source: Source;
  /** Milliseconds, as all that follow. `authMs` includes the two steps. */
  readonly authMs: number;
  readonly tableMs?: number | undefined;
  readonly identityMs?: number | undefined;
  readonly handlerMs?: number | undefined;
}

/** Only the steps that ran become metrics. */
export function toServerTiming({ source, authMs, tableMs, identityMs, handlerMs }: Timings): string {
  const steps = Object.entries({ table: tableMs, identity: identityMs, handler: handlerMs });
  const ran = steps.flatMap(([name, ms]) => (ms === undefined ? [] : [`${name};dur=${format(ms)}`]));
  return [`auth;desc="${source}";dur=${format(authMs)}`, ...ran].join(', ');
}

function format(ms: number): string {
  return String(Number(ms.toFixed(2)));
}
