/** Checks what came with a request against valibot schemas. What breaks a rule becomes a problem that names the rule. */
import * as v from 'valibot';
import { Problem } from '../problem';

/** Throws `invalid_body`, which lists each member that breaks its rule, and the first that does not belong. */
export function parseBody<Out>(schema: v.GenericSchema<unknown, Out>, body: unknown): Out {
  // valibot takes an array for an object with odd keys.
  const result = v.safeParse(schema, Array.isArray(body) ? null : body);
  if (result.success) return result.output;
  const errors = result.issues.map((issue) => ({ pointer: toPointer(issue), detail: issue.message }));
  throw new Problem('invalid_body', undefined, { errors });
}

/** Of `request.query` or `request.headers`, whose names are in lower case. Throws `invalid_parameter`. */
export function parseParameters<Out>(schema: v.GenericSchema<unknown, Out>, from: Iterable<[string, string]>): Out {
  const result = v.safeParse(schema, Object.fromEntries(from));
  if (result.success) return result.output;
  throw new Problem('invalid_parameter', result.issues[0].message);
}

function parameter(pattern: RegExp, rule: string) {
  return v.pipe(v.string(), v.regex(pattern, rule));
}

const key = 'The header Idempotency-Key must be 1 to 128 visible ASCII characters without a comma.';
const limit = 'The query parameter limit must be a whole number from 1 to 100.';
const cursor = 'The query parameter cursor must be the nextCursor of an earlier answer.';

/** A repeated header arrives joined by a comma, hence none in the key. */
export const idempotencyHeaders = v.object({
  'idempotency-key': v.optional(parameter(/^[\x21-\x2b\x2d-\x7e]{1,128}$/, key)),
});

/** The query of a list that a collection answers page by page. */
export const pageQuery = v.object({
  limit: v.pipe(v.optional(parameter(/^([1-9]\d?|100)$/, limit), '20'), v.transform(Number)),
  cursor: v.optional(parameter(/^[0-9a-f]{32}$/, cursor)),
});

/** Characters, not UTF-16 units; and only what UTF-8 can carry, since the storage would alter the rest. */
export function text(min: number, max: number) {
  const rule = `must be a string of ${min === 0 ? 'at most' : `${min} to`} ${max} characters`;
  return v.pipe(
    v.string(rule),
    v.check((value) => value.isWellFormed(), 'must be well-formed Unicode, without lone surrogates'),
    v.check((value) => [...value].length >= min && [...value].length <= max, rule),
  );
}

/** A JSON number without a fraction. */
export function integer(min: number, max: number) {
  const rule = `must be an integer from ${min} to ${max}`;
  return v.pipe(
    v.number(rule),
    v.check((value) => Number.isInteger(value) && value >= min && value <= max, rule),
  );
}

/** The message of a `v.strictObject`. */
export function objectRule(what: string) {
  return ({ expected, received }: v.StrictObjectIssue): string => {
    if (expected === 'never') return `is not a member of ${what}`;
    return received === 'undefined' ? 'is required' : 'must be an object';
  };
}

/** RFC 6901 §6: a JSON pointer as a URI fragment. */
function toPointer(issue: v.BaseIssue<unknown>): string {
  const tokens = (issue.path ?? []).map(({ key }) =>
    String(key).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1'),
  );
  return `#${tokens.map((token) => `/${encodeURIComponent(token)}`).join('')}`;
}
