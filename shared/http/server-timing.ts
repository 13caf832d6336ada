/** W3C Server Timing: shows in a browser's developer tools where the identity came from, and how long each step took. */
import type { Validation } from '../auth/validator';

/** Milliseconds. `authMs` includes the table and the identity service. */
type Timings = Pick<Validation, 'source' | 'tableMs' | 'identityMs'> & {
  authMs: number;
  handlerMs?: number | undefined;
};

/** Only the steps that ran become metrics. */
export function toServerTiming({ source, authMs, tableMs, identityMs, handlerMs }: Timings): string {
  const steps = Object.entries({ table: tableMs, identity: identityMs, handler: handlerMs });
  const ran = steps.flatMap(([name, ms]) => (ms === undefined ? [] : [`${name};dur=${format(ms)}`]));
  return [`auth;desc="${source}";dur=${format(authMs)}`, ...ran].join(', ');
}

const format = (ms: number) => String(Number(ms.toFixed(2)));
