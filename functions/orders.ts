/** `/api/orders`: a sample of protected business functions. A caller sees its own orders of this card, no others. */
import { app, type HttpRequest } from '@azure/functions';
import { isOrderId, parseNewOrder } from '../shared/order';
import { Problem } from '../shared/problem';
import { orders, secured } from '../shared/services';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

app.http('orders-create', {
  route: 'orders',
  methods: ['POST'],
  authLevel: 'anonymous',
  handler: secured(async ({ principal, request, json }) => {
    const idempotencyKey = readIdempotencyKey(request);
    const { order, replayed } = await orders.create(principal, parseNewOrder(json()), idempotencyKey);
    const collection = new URL(request.url).pathname.replace(/\/$/, '');
    return {
      status: 201,
      headers: { location: `${collection}/${order.id}`, ...(replayed && { 'idempotency-replayed': 'true' }) },
      jsonBody: order,
    };
  }),
});

app.http('orders-list', {
  route: 'orders',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: secured(async ({ principal, request }) => ({
    jsonBody: await orders.list(principal, { limit: readLimit(request), ...readCursor(request) }),
  })),
});

app.http('orders-get', {
  route: 'orders/{id}',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: secured(async ({ principal, request }) => {
    const { id = '' } = request.params;
    const order = isOrderId(id) ? await orders.find(principal, id) : undefined;
    if (order === undefined) throw new Problem('not_found', 'There is no such order.');
    return { jsonBody: order };
  }),
});

/** Throws InvalidParameterError unless the header is absent or 1 to 128 visible ASCII characters. */
function readIdempotencyKey(request: HttpRequest): string | undefined {
  const key = request.headers.get('idempotency-key');
  if (key === null) return undefined;
  if (/^[\x21-\x7e]{1,128}$/.test(key)) return key;
  throw new Problem('invalid_parameter', 'The header Idempotency-Key must be 1 to 128 visible ASCII characters.');
}

/** Throws InvalidParameterError. */
function readLimit(request: HttpRequest): number {
  const text = request.query.get('limit');
  if (text === null) return DEFAULT_LIMIT;
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new Problem('invalid_parameter', `The query parameter limit must be a whole number from 1 to ${MAX_LIMIT}.`);
}

/** Throws InvalidParameterError. */
function readCursor(request: HttpRequest): { cursor?: string } {
  const cursor = request.query.get('cursor');
  if (cursor === null) return {};
  if (isOrderId(cursor)) return { cursor };
  throw new Problem('invalid_parameter', 'The query parameter cursor must be the nextCursor of an earlier answer.');
}
