/** `/api/orders`: a sample of protected business functions. A caller sees its own orders of this card, no others. */
import { app } from '@azure/functions';
import type * as v from 'valibot';
import { parseBody, parseParameters } from '../../shared/http/parse';
import { Problem } from '../../shared/problem';
import { collection, secured } from '../../shared/services';
import { body, headers, query, row } from './schemas';

const orders = collection('orders', row);

app.http('orders-create', {
  route: 'orders',
  methods: ['POST'],
  authLevel: 'anonymous',
  handler: secured(async ({ principal, request, json }) => {
    const { 'idempotency-key': idempotencyKey } = parseParameters(headers, request.headers);
    const { item, replayed } = await orders.create(principal, parseBody(body, json()), { idempotencyKey });
    const path = new URL(request.url).pathname.replace(/\/$/, '');
    return {
      status: 201,
      headers: { location: `${path}/${item.id}`, ...(replayed && { 'idempotency-replayed': 'true' }) },
      jsonBody: toOrder(item),
    };
  }),
});

app.http('orders-list', {
  route: 'orders',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: secured(async ({ principal, request }) => {
    const { items, nextCursor } = await orders.list(principal, parseParameters(query, request.query));
    return { jsonBody: { orders: items.map(toOrder), nextCursor } };
  }),
});

app.http('orders-get', {
  route: 'orders/{id}',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: secured(async ({ principal, request }) => {
    const order = await orders.find(principal, request.params['id'] ?? '');
    if (order === undefined) throw new Problem('not_found', 'There is no such order.');
    return { jsonBody: toOrder(order) };
  }),
});

function toOrder({ id, createdAt, value }: { id: string; createdAt: string; value: v.InferOutput<typeof row> }) {
  return { id, ...value, status: 'received', createdAt };
}
