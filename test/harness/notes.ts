/** `/api/notes`: the business function of the tests, built into their app by global-setup.ts. Nothing of it is deployed. */
import { app } from '@azure/functions';
import * as v from 'valibot';
import { parseBody, parseParameters } from '../../shared/http/parse';
import { Problem } from '../../shared/problem';
import { collection, secured } from '../../shared/services';

const text = (min: number, max: number, rule: string) =>
  v.pipe(
    v.string(rule),
    v.check((value) => value.isWellFormed(), 'must be well-formed Unicode'),
    v.check((value) => [...value].length >= min && [...value].length <= max, rule),
  );
const quantityRule = 'must be an integer from 1 to 1000';
const body = v.strictObject(
  {
    item: text(1, 200, 'must be a string of 1 to 200 characters'),
    quantity: v.pipe(
      v.number(quantityRule),
      v.check((value) => Number.isInteger(value) && value >= 1 && value <= 1000, quantityRule),
    ),
    note: v.optional(text(0, 1000, 'must be a string of at most 1000 characters')),
  },
  ({ expected, received }) => {
    if (expected === 'never') return 'is not a member of a note';
    return received === 'undefined' ? 'is required' : 'must be an object';
  },
);
const row = v.object({ item: v.string(), quantity: v.number(), note: v.optional(v.string()) });
const headers = v.object({
  'idempotency-key': v.optional(v.pipe(v.string(), v.regex(/^[\x21-\x2b\x2d-\x7e]{1,128}$/))),
});
const query = v.object({
  limit: v.pipe(
    v.optional(v.string(), '20'),
    v.regex(/^([1-9]\d?|100)$/, 'The limit is 1 to 100.'),
    v.transform(Number),
  ),
  cursor: v.optional(v.string()),
});

const notes = collection('notes', row);

app.http('notes-create', {
  route: 'notes',
  methods: ['POST'],
  authLevel: 'anonymous',
  handler: secured(async ({ principal, request, json }) => {
    const { 'idempotency-key': idempotencyKey } = parseParameters(headers, request.headers);
    const { item, replayed } = await notes.create(principal, parseBody(body, json()), { idempotencyKey });
    const path = new URL(request.url).pathname.replace(/\/$/, '');
    return {
      status: 201,
      headers: { location: `${path}/${item.id}`, ...(replayed && { 'idempotency-replayed': 'true' }) },
      jsonBody: toNote(item),
    };
  }),
});

app.http('notes-list', {
  route: 'notes',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: secured(async ({ principal, request }) => {
    const { items, nextCursor } = await notes.list(principal, parseParameters(query, request.query));
    return { jsonBody: { notes: items.map(toNote), nextCursor } };
  }),
});

app.http('notes-get', {
  route: 'notes/{id}',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: secured(async ({ principal, request }) => {
    const note = await notes.find(principal, request.params['id'] ?? '');
    if (note === undefined) throw new Problem('not_found', 'There is no such note.');
    return { jsonBody: toNote(note) };
  }),
});

function toNote({ id, createdAt, value }: { id: string; createdAt: string; value: v.InferOutput<typeof row> }) {
  return { id, ...value, status: 'received', createdAt };
}
