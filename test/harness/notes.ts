/** `/api/notes`: the business function of the tests, built into their app by global-setup.ts. Nothing of it is deployed. */
import { app } from '@azure/functions';
import * as v from 'valibot';
import {
  idempotencyHeaders,
  integer,
  objectRule,
  pageQuery,
  parseBody,
  parseParameters,
  text,
} from '../../shared/http/parse';
import { Problem } from '../../shared/problem';
import { collection, secured } from '../../shared/services';

const body = v.strictObject(
  { item: text(1, 200), quantity: integer(1, 1000), note: v.optional(text(0, 1000)) },
  objectRule('a note'),
);
/** What a row holds. A member that comes later is optional here, whatever the body's rule, so that older rows still fit. */
const row = v.object({ item: v.string(), quantity: v.number(), note: v.optional(v.string()) });

const notes = collection('notes', row);

app.http('notes-create', {
  route: 'notes',
  methods: ['POST'],
  authLevel: 'anonymous',
  handler: secured(async ({ principal, request, json }) => {
    const { 'idempotency-key': idempotencyKey } = parseParameters(idempotencyHeaders, request.headers);
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
    const { items, nextCursor } = await notes.list(principal, parseParameters(pageQuery, request.query));
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
