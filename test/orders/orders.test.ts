import { request } from 'node:http';
import { type App, startApp } from '../harness/app';

let app: App;
beforeEach(async () => {
  app = await startApp();
});
afterEach(() => app.close());

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const tea = { item: 'Tea', quantity: 2 };

async function place(order: object = tea, headers: Record<string, string> = {}, user = 'asha') {
  return app.post('/api/orders', order, { ...bearer(app.mint(user)), ...headers });
}

const list = (query = '', user = 'asha') => app.get(`/api/orders${query}`, bearer(app.mint(user)));

describe('creating', () => {
  it('answers 201 with the order and where it is', async () => {
    const answer = await place({ ...tea, note: 'with milk' });
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      id: expect.any(String),
      ...tea,
      note: 'with milk',
      status: 'received',
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(answer.headers.get('location')).toBe(`/api/orders/${answer.body.id}`);
    expect(answer.headers.get('idempotency-replayed')).toBeNull();
    const found = await app.get(answer.headers.get('location') ?? '', bearer(app.mint()));
    expect([found.status, found.body]).toEqual([200, answer.body]);
  });

  it('names the place without a second slash when the request has one at its end', async () => {
    const answer = await app.post('/api/orders/', tea, bearer(app.mint()));
    expect([answer.status, answer.headers.get('location')]).toEqual([201, `/api/orders/${answer.body.id}`]);
  });

  it('takes the token from the body, and keeps it out of the order', async () => {
    const answer = await app.post('/api/orders', { ...tea, accessToken: app.mint() });
    expect(answer.status).toBe(201);
    expect(Object.keys(answer.body)).toEqual(['id', 'item', 'quantity', 'status', 'createdAt']);
  });

  it.each([
    ['one character', 'x', 1],
    ['200 characters, each of two UTF-16 units', '😀'.repeat(200), 1_000],
    ['quotes, backslashes, line breaks, NUL', '\'"\\\r\n\u0000%/#?', 7],
    ['text that looks like a number', '007', 7],
    ['a note of 1,000 characters', 'x'.repeat(200), 1],
    ['line separators', '\u2028\u2029\u0085', 7],
  ])('keeps %s as it is', async (_, item, quantity) => {
    const note = item.repeat(5).slice(0, 1_000);
    const { body } = await place({ item, quantity, note }, { 'idempotency-key': 'kept' });
    expect(body).toMatchObject({ item, quantity, note });
    expect((await list()).body.orders).toEqual([body]);
  });
});

describe('an Idempotency-Key', () => {
  const key = { 'idempotency-key': 'key-1' };

  it('makes a repeat answer the first result, also with another token', async () => {
    const first = await place(tea, key);
    const repeat = await place(tea, key);
    expect([repeat.status, repeat.body]).toEqual([201, first.body]);
    expect(repeat.headers.get('location')).toBe(first.headers.get('location'));
    expect(repeat.headers.get('idempotency-replayed')).toBe('true');
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect((await list()).body.orders).toHaveLength(1);
  });

  it('compares the order, not the bytes: member order and a token in the body do not matter', async () => {
    const first = await place(tea, key);
    const repeat = await app.post('/api/orders', { accessToken: app.mint(), quantity: 2, item: 'Tea' }, key);
    expect(repeat.body).toEqual(first.body);
  });

  it.each([
    ['quantity', { ...tea, quantity: 3 }],
    ['item', { ...tea, item: 'Coffee' }],
    ['note', { ...tea, note: '' }],
  ])('refuses another %s with 422', async (_, other) => {
    await place(tea, key);
    const answer = await place(other, key);
    expect([answer.status, answer.body.code]).toEqual([422, 'idempotency_key_reused']);
    expect((await list()).body.orders).toHaveLength(1);
  });

  it('makes one order of concurrent repeats', async () => {
    // As a card does that is told 503, which a busy machine may answer to so many.
    const persist = async (): ReturnType<typeof place> => {
      const answer = await place(tea, key);
      return answer.status === 503 ? persist() : answer;
    };
    const answers = await Promise.all([...Array(10)].map(persist));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null).length).toBeLessThan(2);
    expect((await list()).body.orders).toHaveLength(1);
  });

  it("is the caller's own: another user's equal key makes another order", async () => {
    const first = await place(tea, key);
    const other = await place(tea, key, 'ben');
    expect(other.status).toBe(201);
    expect(other.body.id).not.toBe(first.body.id);
  });

  it.each(['~'.repeat(128), '!', "a'b/c?d#e"])('may be %s', async (value) => {
    const first = await place(tea, { 'idempotency-key': value });
    expect((await place(tea, { 'idempotency-key': value })).body).toEqual(first.body);
  });

  it.each(['x'.repeat(129), 'a b', 'a,b', ''])('may not be "%s"', async (value) => {
    const answer = await place(tea, { 'idempotency-key': value });
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_parameter']);
    expect((await list()).body.orders).toEqual([]);
  });

  it('may not come twice, which the host would join to one', async () => {
    const headers = { ...bearer(app.mint()), 'content-type': 'application/json', 'idempotency-key': ['a', 'b'] };
    const status = await new Promise((resolve, reject) => {
      const sent = request(`${app.host.url}/api/orders`, { method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.on('error', reject).end(JSON.stringify(tea));
    });
    expect(status).toBe(400);
    expect((await list()).body.orders).toEqual([]);
  });
});

describe('listing', () => {
  it('is empty before the first order', async () => {
    expect((await list()).body).toEqual({ orders: [] });
  });

  it('shows the newest first, page by page, and no order twice or not at all', async () => {
    const placed: string[] = [];
    for (let n = 1; n <= 7; n += 1) placed.unshift((await place({ ...tea, quantity: n })).body.id);
    const seen: string[] = [];
    const sizes: number[] = [];
    let cursor: string | undefined;
    do {
      const { body } = await list(`?limit=3${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`);
      seen.push(...body.orders.map(({ id }: { id: string }) => id));
      sizes.push(body.orders.length);
      cursor = body.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(placed);
    expect(sizes).toEqual([3, 3, 1]);
  });

  it('has no next page when the last one is full', async () => {
    for (const _ of [1, 2]) await place();
    expect(await list('?limit=2')).toMatchObject({ body: { orders: [{}, {}] } });
    expect((await list('?limit=2')).body.nextCursor).toBeUndefined();
  });

  it('has 20 a page unless told', async () => {
    await Promise.all([...Array(21)].map(() => place()));
    const { body } = await list();
    expect(body.orders).toHaveLength(20);
    expect((await list(`?cursor=${body.nextCursor}`)).body.orders).toHaveLength(1);
    expect((await list('?limit=100')).body.orders).toHaveLength(21);
  });

  it.each([
    'limit=0',
    'limit=101',
    'limit=-1',
    'limit=1.5',
    'limit=x',
    'limit=',
    'limit=1&limit=2',
    'cursor=',
    'cursor=x',
    "cursor=' or 1 eq 1",
  ])('refuses ?%s with 400', async (query) => {
    const answer = await list(`?${query}`);
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_parameter']);
  });
});

describe("someone else's order", () => {
  it('is not listed, and not found, just as one that does not exist', async () => {
    const { body } = await place(tea, {}, 'ben');
    expect((await list()).body.orders).toEqual([]);
    const answers = await Promise.all(
      [body.id, '0'.repeat(32), 'nonsense', `${body.id}%27`, '..%2Fx'].map((id) =>
        app.get(`/api/orders/${id}`, bearer(app.mint())),
      ),
    );
    const shown = answers.map(({ status, body: { code, detail } }) => [status, code, detail]);
    expect(new Set(shown.map((parts) => JSON.stringify(parts))).size).toBe(1);
    expect(shown[0]).toEqual([404, 'not_found', 'There is no such order.']);
  });

  it('includes the same user in another card', async () => {
    const other = await startApp({ ALLOWED_CARD_IDS: `${app.card},card-second` });
    const inCard = (card: string) => bearer(other.identity.mint({ card }));
    const { body } = await other.post('/api/orders', tea, inCard(app.card));
    expect((await other.get('/api/orders', inCard('card-second'))).body.orders).toEqual([]);
    expect((await other.get(`/api/orders/${body.id}`, inCard('card-second'))).status).toBe(404);
    expect((await other.get('/api/orders', inCard(app.card))).body.orders).toEqual([body]);
    await other.close();
  });
});
