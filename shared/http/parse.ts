/** Checks what came with a request against valibot schemas. What breaks a rule becomes a problem that names the rule. */
import * as v from 'valibot';
import { Problem } from '../problem';

/** Throws `invalid_body`, which lists each member that breaks its rule, and the first that does not belong. */
export function parseBody<Out>(schema: v.GenericSchema<unknown, Out>, body: unknown): Out {
  const result = v.safeParse(schema, Array.isArray(body) ? null : body); // for valibot, an array is an object
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

/** RFC 6901 §6: a JSON pointer as a URI fragment. */
function toPointer({ path }: v.BaseIssue<unknown>): string {
  const escapeKey = (key: unknown) => String(key).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1');
  return `#${(path ?? []).map(({ key }) => `/${encodeURIComponent(escapeKey(key))}`).join('')}`;
}
