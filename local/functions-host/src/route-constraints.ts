/** The inline constraints of ASP.NET Core routing, as in `{id:int:min(1)}`. */
import { HostError } from './host-error';

export type Constraint = (value: string) => boolean;

const number = /^\s*[+-]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;
const guid = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

const plain: Readonly<Record<string, Constraint>> = {
  alpha: (value) => /^[a-z]*$/i.test(value),
  bool: (value) => /^\s*(?:true|false)\s*$/i.test(value),
  datetime: (value) => !Number.isNaN(Date.parse(value)),
  decimal: (value) => number.test(value) && !/e/i.test(value),
  double: (value) => number.test(value),
  float: (value) => number.test(value),
  guid: (value) => guid.test(value.replace(/^\{(.*)\}$|^\((.*)\)$/, '$1$2')),
  int: (value) => isInteger(value, 32n),
  long: (value) => isInteger(value, 64n),
  required: (value) => value !== '',
};

const withNumbers: Readonly<Record<string, (...bounds: number[]) => Constraint>> = {
  length:
    (least = 0, most = least) =>
    ({ length }) =>
      length >= least && length <= most,
  minlength:
    (least = 0) =>
    ({ length }) =>
      length >= least,
  maxlength:
    (most = 0) =>
    ({ length }) =>
      length <= most,
  min: (least = 0) => range(least, Number.POSITIVE_INFINITY),
  max: (most = 0) => range(Number.NEGATIVE_INFINITY, most),
  range: (least = 0, most = 0) => range(least, most),
};

/**
 * `name` and `args` as written in a route template.
 * @throws HostError if there is no such constraint, or it needs other arguments.
 */
export function createConstraint(name: string, args: string | undefined): Constraint {
  const key = name.toLowerCase();
  const test = Object.hasOwn(plain, key) ? plain[key] : undefined;
  if (test && args === undefined) return test;
  if (key === 'regex' && args !== undefined) return createRegex(args);
  const create = Object.hasOwn(withNumbers, key) ? withNumbers[key] : undefined;
  if (create && args !== undefined) {
    const bounds = args.split(',').map(Number);
    if (bounds.every(Number.isSafeInteger) && acceptsCount(key, bounds.length)) return create(...bounds);
  }
  throw new HostError(`unknown route constraint "${name}${args === undefined ? '' : `(${args})`}"`);
}

function acceptsCount(key: string, count: number): boolean {
  if (key === 'length') return count === 1 || count === 2;
  return count === (key === 'range' ? 2 : 1);
}

function createRegex(source: string): Constraint {
  try {
    const regex = new RegExp(source, 'i');
    return (value) => regex.test(value);
  } catch (error) {
    throw new HostError(`route constraint "regex(${source})" is not a regular expression`, { cause: error });
  }
}

function range(least: number, most: number): Constraint {
  return (value) => isInteger(value, 64n) && Number(value) >= least && Number(value) <= most;
}

function isInteger(value: string, bits: 32n | 64n): boolean {
  if (!/^\s*[+-]?\d+\s*$/.test(value)) return false;
  const parsed = BigInt(value.trim().replace(/^\+/, ''));
  const bound = 2n ** (bits - 1n);
  return parsed >= -bound && parsed < bound;
}
