/** Each row of the contract's status table, through the front door. */
import { gzipSync } from 'node:zlib';
import { type Answer, type App, startApp } from '../harness/app';
import { jwtWith } from '../harness/tokens';

let app: App;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());
beforeEach(() => {
  app.identity.fault(undefined);
  app.identity.resetStats();
});

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const note = { item: 'Tea', quantity: 2 };

async function answerTo(sent: Promise<Response>): Promise<Answer> {
  const response = await sent;
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
}

/** A request whose body has no Content-Length. */
const chunked = (headers: Record<string, string>, text: string) =>
  ({ method: 'POST', headers, duplex: 'half', body: new Blob([text]).stream() }) as RequestInit;

function expectProblem(answer: Answer, status: number, code: string): void {
  expect(answer.body).toMatchObject({ status, code });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(answer.headers.get('cache-control')).toBe('no-store');
}

describe('no token', () => {
  it('is 401 with a challenge that has no error code', async () => {
    const answer = await app.get('/api/whoami');
    expectProblem(answer, 401, 'token_missing');
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="[^"]+"$/);
  });
});

describe('no token in a header, and a body that was not read: the true cause, and no call is made', () => {
  const post = (headers: Record<string, string>, body: string | Buffer) =>
    answerTo(fetch(`${app.host.url}/api/notes`, { method: 'POST', headers, body }));
  const asJson = { 'content-type': 'application/json' };

  it.each<[string, number, string, (token: string) => Promise<Answer>]>([
    ['as text', 415, 'unsupported_media_type', (token) => post({}, JSON.stringify({ ...note, accessToken: token }))],
    [
      'as a form',
      415,
      'unsupported_media_type',
      (accessToken) =>
        post({ 'content-type': 'application/x-www-form-urlencoded' }, new URLSearchParams({ accessToken }).toString()),
    ],
    ['with a syntax error', 400, 'invalid_body', (token) => post(asJson, `{"accessToken":"${token}",}`)],
    [
      'not in UTF-8',
      400,
      'invalid_body',
      (token) => post(asJson, Buffer.from(`{"accessToken":"${token}","a":"\xff"}`, 'latin1')),
    ],
    [
      'chunked, which the host drops',
      400,
      'invalid_body',
      (token) => answerTo(fetch(`${app.host.url}/api/notes`, chunked(asJson, JSON.stringify({ accessToken: token })))),
    ],
    [
      'as chunked text',
      415,
      'unsupported_media_type',
      (token) => answerTo(fetch(`${app.host.url}/api/notes`, chunked({ 'content-type': 'text/plain' }, token))),
    ],
    [
      'compressed',
      415,
      'unsupported_media_type',
      (token) =>
        post({ ...asJson, 'content-encoding': 'gzip' }, gzipSync(JSON.stringify({ ...note, accessToken: token }))),
    ],
    [
      'next to empty headers',
      415,
      'unsupported_media_type',
      (token) => post({ accessToken: '', authorization: '' }, JSON.stringify({ accessToken: token })),
    ],
  ])('%s: %i', async (_, status, code, send) => {
    const answer = await send(app.mint());
    expectProblem(answer, status, code);
    expect(answer.headers.get('www-authenticate')).toBeNull();
    expect(app.identity.calls).toBe(0);
  });

  it('with no body at all, it is the token that is missing', async () => {
    expectProblem(await answerTo(fetch(`${app.host.url}/api/notes`, { method: 'POST' })), 401, 'token_missing');
    expectProblem(await app.post('/api/notes', ''), 401, 'token_missing');
  });
});

it('an empty token header counts as absent', async () => {
  const token = app.mint();
  expect((await app.get('/api/whoami', { ...bearer(token), accessToken: '' })).status).toBe(200);
  expect((await app.get('/api/whoami', { authorization: '', accessToken: token })).status).toBe(200);
  expectProblem(await app.get('/api/whoami', { authorization: '', accessToken: '' }), 401, 'token_missing');
});

describe('a token that is sent wrongly is 400, and no call is made', () => {
  it.each<[string, (token: string) => Promise<Answer>]>([
    ['in two headers', (token) => app.get('/api/whoami', { ...bearer(token), accessToken: token })],
    ['in a header and in the body', (token) => app.post('/api/notes', { ...note, accessToken: token }, bearer(token))],
    [
      'in a member that stands twice',
      (token) => app.post('/api/notes', `{"accessToken":"evil","accessToken":"${token}","item":"Tea","quantity":1}`),
    ],
    [
      'in a member that stands twice, once escaped',
      (token) =>
        app.post('/api/notes', `{"accessToken":"evil","access\\u0054oken":"${token}","item":"Tea","quantity":1}`),
    ],
    ['in a repeated header', (token) => app.get('/api/whoami', { accessToken: `${token},${token}` })],
    ['as Bearer without a token', () => app.get('/api/whoami', { authorization: 'Bearer' })],
    ['as Bearer with two tokens', (token) => app.get('/api/whoami', { authorization: `Bearer ${token} ${token}` })],
  ])('%s', async (_, send) => {
    const answer = await send(app.mint());
    expectProblem(answer, 400, 'invalid_request');
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_request"/);
    expect(app.identity.calls).toBe(0);
  });
});

describe('a token that cannot be good is 401, and no call is made', () => {
  it.each<[string, () => string]>([
    ['longer than 8 KiB', () => 'a'.repeat(8_193)],
    ['with other characters', () => 'tok$en'],
    ['expired by its own account', () => jwtWith({ exp: 1_700_000_000 })],
  ])('%s', async (_, token) => {
    const answer = await app.get('/api/whoami', bearer(token()));
    expectProblem(answer, 401, 'invalid_token');
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/);
    expect(app.identity.calls).toBe(0);
  });
});

describe('a token that the identity service rejects is 401', () => {
  it.each([
    [401, 1],
    [403, 1],
    [400, 2],
  ])('%i, which two requests ask for %i time(s)', async (status, calls) => {
    app.identity.fault({ kind: 'status', status });
    const token = app.mint();
    expectProblem(await app.get('/api/whoami', bearer(token)), 401, 'invalid_token');
    expectProblem(await app.get('/api/whoami', bearer(token)), 401, 'invalid_token');
    expect(app.identity.calls).toBe(calls);
  });
});

it('a card that is not on the list is 403, on each request, cached or not', async () => {
  const token = app.identity.mint({ card: `${app.card}-other` });
  for (const _ of ['identity-service', 'memory']) {
    const answer = await app.get('/api/whoami', bearer(token));
    expectProblem(answer, 403, 'insufficient_scope');
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer .*error="insufficient_scope"/);
  }
  expect(app.identity.calls).toBe(1);
});

describe('an identity service in trouble is 503, never 401, and nothing is remembered', () => {
  it.each<[string, Parameters<App['identity']['fault']>[0]]>([
    ['500', { kind: 'status', status: 500 }],
    ['404', { kind: 'status', status: 404 }],
    ['a redirect', { kind: 'redirect', location: 'http://127.0.0.1:1/' }],
    ['over 64 KiB', { kind: 'oversize', bytes: 70_000 }],
    ['no JSON', { kind: 'body', status: 200, contentType: 'text/html', body: '<html>' }],
    ['no id', { kind: 'body', status: 200, contentType: 'application/json', body: '{}' }],
    ['a reset', { kind: 'reset' }],
  ])('%s', async (_, fault) => {
    const fresh = await app.startSecond(); // a circuit of its own
    app.identity.fault(fault);
    const token = app.mint();
    const answer = await fresh.get('/api/whoami', bearer(token));
    expectProblem(answer, 503, 'identity_unavailable');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(answer.headers.get('www-authenticate')).toBeNull();
    app.identity.fault(undefined);
    expect((await fresh.get('/api/whoami', bearer(token))).body.validation.source).toBe('identity-service');
    await fresh.close();
  });

  it('429, of which only the Retry-After is remembered, for that token', async () => {
    app.identity.fault({ kind: 'status', status: 429, retryAfterSeconds: 42 });
    const token = app.mint();
    expectProblem(await app.get('/api/whoami', bearer(token)), 503, 'identity_unavailable');
    app.identity.fault(undefined);
    const repeated = await app.get('/api/whoami', bearer(token));
    expectProblem(repeated, 503, 'identity_unavailable');
    expect(Number(repeated.headers.get('retry-after'))).toBeGreaterThan(30);
    expect(app.identity.calls).toBe(1);
    expect((await app.get('/api/whoami', bearer(app.mint()))).status).toBe(200);
  });

  it("passes on the service's own Retry-After", async () => {
    app.identity.fault({ kind: 'status', status: 503, retryAfterSeconds: 42 });
    expect((await app.get('/api/whoami', bearer(app.mint()))).headers.get('retry-after')).toBe('42');
  });

  it('slow: after two attempts', async () => {
    const impatient = await startApp({ IDENTITY_TIMEOUT_MS: '100' });
    impatient.identity.fault({ kind: 'hang' });
    const answer = await impatient.get('/api/whoami', bearer(impatient.mint()));
    expectProblem(answer, 503, 'identity_unavailable');
    expect(impatient.identity.calls).toBe(2);
    await impatient.close();
  });
});

describe('the body of a note', () => {
  it.each<[string, unknown, number, string, string[]]>([
    ['no JSON', '{"item":', 400, 'invalid_body', ['#']],
    ['empty', '', 400, 'invalid_body', ['#']],
    ['no object', [1], 400, 'invalid_body', ['#']],
    ['wrong fields', { item: '', quantity: 0, note: 1 }, 400, 'invalid_body', ['#/item', '#/quantity', '#/note']],
    ['an unknown member', { ...note, 'a/b': 1 }, 400, 'invalid_body', ['#/a~1b']],
    ['a quantity that is no integer', { ...note, quantity: 1.5 }, 400, 'invalid_body', ['#/quantity']],
    ['an item that is too long', { ...note, item: 'x'.repeat(201) }, 400, 'invalid_body', ['#/item']],
    ['a lone surrogate', '{"item":"\\ud800","quantity":1,"\\ud800":1}', 400, 'invalid_body', ['#/item', '#/%EF%BF%BD']],
  ])('%s is 400 and says where', async (_, body, status, code, pointers) => {
    const answer = await app.post('/api/notes', body, bearer(app.mint()));
    expectProblem(answer, status, code);
    expect(answer.body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(pointers);
    expect(answer.body.errors.every(({ detail }: { detail: string }) => detail.length > 0)).toBe(true);
  });

  it.each<[string, unknown, object[]]>([
    [
      'missing members',
      {},
      [
        { pointer: '#/item', detail: 'is required' },
        { pointer: '#/quantity', detail: 'is required' },
      ],
    ],
    ['no object', [1], [{ pointer: '#', detail: 'must be an object' }]],
    ['an unknown member', { ...note, x: 1 }, [{ pointer: '#/x', detail: 'is not a member of a note' }]],
    ['nothing', '', [{ pointer: '#', detail: expect.stringContaining('is empty') }]],
    [
      'too much of everything',
      { item: 'x', quantity: 1_001, note: 'x'.repeat(1_001) },
      [
        { pointer: '#/quantity', detail: 'must be an integer from 1 to 1000' },
        { pointer: '#/note', detail: 'must be a string of at most 1000 characters' },
      ],
    ],
  ])('of %s: says which rule it breaks', async (_, body, errors) => {
    expect((await app.post('/api/notes', body, bearer(app.mint()))).body.errors).toEqual(errors);
  });

  it.each(['Application/JSON', 'application/json; charset=utf-8', 'application/vnd.card+json'])(
    'of the media type "%s" is JSON',
    async (contentType) => {
      const answer = await app.post('/api/notes', note, { ...bearer(app.mint()), 'content-type': contentType });
      expect(answer.status).toBe(201);
    },
  );

  it('over 64 KiB is 413', async () => {
    const exact = { ...note, note: 'x'.repeat(65_536 - JSON.stringify({ ...note, note: '' }).length) };
    expectProblem(await app.post('/api/notes', exact, bearer(app.mint())), 400, 'invalid_body');
    expectProblem(
      await app.post('/api/notes', { ...exact, note: `${exact.note}x` }, bearer(app.mint())),
      413,
      'body_too_large',
    );
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', ''])(
    'of the media type "%s" is 415',
    async (contentType) => {
      const answer = await app.post('/api/notes', note, { ...bearer(app.mint()), 'content-type': contentType });
      expectProblem(answer, 415, 'unsupported_media_type');
    },
  );

  it.each<[string, (text: string) => string | Buffer]>([
    ['compressed', (text) => gzipSync(text)],
    ['plain, and a header that says otherwise', (text) => text],
  ])('%s: a Content-Encoding is 415 and says what is accepted', async (_, encode) => {
    const headers = { ...bearer(app.mint()), 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const init = { method: 'POST', headers, body: encode(JSON.stringify(note)) };
    const answer = await answerTo(fetch(`${app.host.url}/api/notes`, init));
    expectProblem(answer, 415, 'unsupported_media_type');
    expect(answer.headers.get('accept-encoding')).toBe('identity');
  });

  it('with the Content-Encoding identity is read', async () => {
    const headers = { ...bearer(app.mint()), 'content-encoding': 'identity' };
    expect((await app.post('/api/notes', note, headers)).status).toBe(201);
  });

  it('that is chunked is 400, and says that the host has dropped it', async () => {
    const init = chunked({ ...bearer(app.mint()), 'content-type': 'application/json' }, JSON.stringify(note));
    const answer = await answerTo(fetch(`${app.host.url}/api/notes`, init));
    expectProblem(answer, 400, 'invalid_body');
    expect(answer.body.errors).toEqual([{ pointer: '#', detail: expect.stringContaining('without Content-Length') }]);
  });

  it('that is not UTF-8 is 400', async () => {
    const response = await fetch(`${app.host.url}/api/notes`, {
      method: 'POST',
      headers: { ...bearer(app.mint()), 'content-type': 'application/json' },
      body: Buffer.from([0x22, 0xff, 0x22]),
    });
    expect([response.status, ((await response.json()) as { errors: unknown }).errors]).toEqual([
      400,
      [{ pointer: '#', detail: 'is not UTF-8' }],
    ]);
  });
});

it('an unknown path or method is the 404 of the host, without a body', async () => {
  for (const answer of [await app.get('/api/nothing'), await app.post('/api/whoami', {})]) {
    expect([answer.status, answer.text]).toEqual([404, '']);
  }
});
