/** What an order holds, and what may come with a request. Each message names the rule that is broken. */
import * as v from 'valibot';

export const body = v.strictObject(
  { item: text(1, 200), quantity: integer(1, 1000), note: v.optional(text(0, 1000)) },
  ({ expected, received }) => {
    if (expected === 'never') return 'is not a member of an order';
    return received === 'undefined' ? 'is required' : 'must be an object';
  },
);

/** What a row holds. A member that comes later is optional here, whatever the body's rule, so that older rows still fit. */
export const row = v.object({ item: v.string(), quantity: v.number(), note: v.optional(v.string()) });

/** A repeated header arrives joined by a comma, hence none in the key. */
const KEY_RULE = 'The header Idempotency-Key must be 1 to 128 visible ASCII characters without a comma.';
export const headers = v.object({
  'idempotency-key': v.optional(v.pipe(v.string(), v.regex(/^[\x21-\x2b\x2d-\x7e]{1,128}$/, KEY_RULE))),
});

const LIMIT_RULE = 'The query parameter limit must be a whole number from 1 to 100.';
export const query = v.object({
  limit: v.pipe(v.optional(v.string(), '20'), v.regex(/^([1-9]\d?|100)$/, LIMIT_RULE), v.transform(Number)),
  cursor: v.optional(v.string()),
});

/** Characters, not UTF-16 units; and only what UTF-8 can carry. */
function text(min: number, max: number) {
  const rule = `must be a string of ${min === 0 ? 'at most' : `${min} to`} ${max} characters`;
  return v.pipe(
    v.string(rule),
    v.check((value) => value.isWellFormed(), 'must be well-formed Unicode, without lone surrogates'),
    v.check((value) => [...value].length >= min && [...value].length <= max, rule),
  );
}

function integer(min: number, max: number) {
  const rule = `must be an integer from ${min} to ${max}`;
  const isInRange = (value: number) => Number.isInteger(value) && value >= min && value <= max;
  return v.pipe(v.number(rule), v.check(isInRange, rule));
}
