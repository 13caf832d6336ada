/** An argument of a command of the tests that is a whole number, or missing. */
import { LocalError } from '../../local/local-error';

/** Throws LocalError, which says how the command is used. */
export function readNumber(text: string | undefined, otherwise: number, usage: string): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isInteger(value)) throw new LocalError(`"${text}" is no whole number. Usage: ${usage}`);
  return value;
}
