/** An argument of a command of the tests that is a whole number over 0, or missing. */
import { LocalError } from '../../local/local-error';

/** Throws LocalError, which says how the command is used. */
export function readNumber(text: string | undefined, otherwise: number, usage: string): number {
  if (text === undefined) return otherwise;
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new LocalError(`"${text}" is no whole number over 0. Usage: ${usage}`);
}
