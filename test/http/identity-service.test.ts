/** The stand-in identity service, seen from outside over HTTP as the app sees it. */
import { connect } from 'node:net';
import { createIdentityService, type IdentityService } from '../../local/identity-service/create-identity-service';
import { closeAtEnd } from '../harness/close-at-end';

let service: IdentityService;
let nowMs: number;
const log: string[] = [];

beforeAll(async () => {
  service = await createIdentityService({ port: 0, now: () => nowMs, log: (line) => log.push(line) });
});
beforeEach(() => {
  nowMs = Date.UTC(2026, 0, 1);
  service.fault(undefined);
  service.resetStats();
});
afterAll(() => service.close());

const me = (accessToken?: string, init: RequestInit = {}) =>
  fetch(`${service.url}/v1/users/me`, { ...init, headers: accessToken === undefined ? {} : { accessToken } });
const control = (value: unknown) => fetch(`${service.url}/control`, { method: 'PUT', body: JSON.stringify(value) });

describe('minting', () => {
  test('answers a token of 30 minutes and when it expires', async () => {
    const response = await fetch(`${service.url}/token?user=asha&card=card-orders`);
    const { accessToken, expiresAt } = (await response.json()) as Record<string, string>;
    expect(expiresAt).toBe('2026-01-01T00:30:00.000Z');
    const claims = JSON.parse(Buffer.from(accessToken?.split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toMatchObject({ uid: 'asha', actionPackageId: 'card-orders', exp: nowMs / 1000 + 1800 });
  });

  test('answers the bare token as text, for the shell', async () => {
    const response = await fetch(`${service.url}/token?user=ben&format=text`);
    expect(response.headers.get('content-type')).toBe('text/plain');
    expect((await me(await response.text())).status).toBe(200);
  });

  test('makes each token unique', () => {
    expect(service.mint()).not.toBe(service.mint());
  });

  test.each(['user=nobody', 'user=toString', 'lifetimeSeconds=soon', 'lifetimeSeconds=1e9'])(
    'refuses %s',
    async (query) => {
      const response = await fetch(`${service.url}/token?${query}`);
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({ error: expect.any(String) });
    },
  );
});

describe('who a token is of', () => {
  test('answers the five fields', async () => {
    const response = await me(service.mint({ user: 'chen', card: 'card-other' }));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      id: '7d2f1c5e-0003-4000-8000-000000000003',
      name: 'Chen',
      phoneNumber: '+12025550103',
      pictureUrl: 'https://pictures.example/chen.png',
      actionPackageId: 'card-other',
    });
  });

  test('answers 400 without a token', async () => {
    expect((await me()).status).toBe(400);
  });

  test('answers 401 for garbage and for a token whose claims or signature were changed', async () => {
    const [header = '', , signature = ''] = service.mint().split('.');
    const [, otherClaims = ''] = service.mint({ user: 'ben' }).split('.');
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${otherClaims}.`;
    for (const token of [
      'garbage',
      'a.b.c',
      `${header}.${otherClaims}.${signature}`,
      unsigned,
      `${service.mint()}.x`,
    ]) {
      expect((await me(token)).status).toBe(401);
    }
  });

  test('answers 401 from the second on at which the token expires', async () => {
    const token = service.mint({ lifetimeSeconds: 60 });
    nowMs += 59_999;
    expect((await me(token)).status).toBe(200);
    nowMs += 1;
    expect((await me(token)).status).toBe(401);
    expect((await me(service.mint({ lifetimeSeconds: -1 }))).status).toBe(401);
  });

  test("answers 401 for another stand-in's token", async () => {
    const other = closeAtEnd(await createIdentityService({ port: 0, now: () => nowMs }));
    const token = other.mint();
    await other.close();
    expect((await me(token)).status).toBe(401);
  });
});

describe('faults', () => {
  test('a status, with Retry-After, as often as told', async () => {
    expect((await control({ fault: { kind: 'status', status: 503, retryAfterSeconds: 7 }, times: 2 })).status).toBe(
      200,
    );
    const token = service.mint();
    const first = await me(token);
    expect([first.status, first.headers.get('retry-after')]).toEqual([503, '7']);
    expect((await me(token)).status).toBe(503);
    expect((await me(token)).status).toBe(200);
  });

  test('until it is reset', async () => {
    await control({ fault: { kind: 'body', status: 200, contentType: 'text/html', body: '<p>' } });
    const response = await me(service.mint());
    expect([response.headers.get('content-type'), await response.text()]).toEqual(['text/html', '<p>']);
    await fetch(`${service.url}/control`, { method: 'DELETE' });
    expect(await (await me(service.mint())).json()).toMatchObject({ name: 'Asha' });
  });

  test('a delay, then the usual answer', async () => {
    service.fault({ kind: 'delay', delayMs: 50 });
    const beganMs = performance.now();
    expect((await me(service.mint())).status).toBe(200);
    expect(performance.now() - beganMs).toBeGreaterThan(48);
  });

  test('a redirect', async () => {
    service.fault({ kind: 'redirect', location: 'https://elsewhere.example/' });
    const response = await me(service.mint(), { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([302, 'https://elsewhere.example/']);
  });

  test('an answer of exactly the size told', async () => {
    service.fault({ kind: 'oversize', bytes: 70_000 });
    const text = await (await me(service.mint())).text();
    expect(text).toHaveLength(70_000);
    expect(JSON.parse(text)).toHaveProperty('id');
  });

  test('a broken connection', async () => {
    service.fault({ kind: 'reset' });
    await expect(me(service.mint())).rejects.toThrow();
  });

  test('no answer, until the caller gives up; that call counts under no status', async () => {
    service.fault({ kind: 'hang' }, 1);
    const caller = new AbortController();
    const hung = expect(me(service.mint(), { signal: caller.signal })).rejects.toThrow();
    while (service.calls === 0) await new Promise(setImmediate);
    caller.abort();
    await hung;
    await me(service.mint());
    expect(service.stats()).toMatchObject({ calls: 2, byStatus: { 200: 1 } });
  });

  test.each([{}, { fault: { kind: 'earthquake' } }, { fault: { kind: 'status', status: 99 } }, 'text'])(
    'refuses %j and stays as it is',
    async (value) => {
      expect((await control(value)).status).toBe(400);
      expect((await me(service.mint())).status).toBe(200);
    },
  );
});

test('counts calls, how many at a time, and their statuses', async () => {
  service.fault({ kind: 'delay', delayMs: 300 }); // long enough for all three to be there together
  await Promise.all([me(service.mint()), me(service.mint()), me('garbage')]);
  service.fault(undefined);
  await me();
  const expected = { calls: 4, maxConcurrent: 3, byStatus: { 200: 2, 400: 1, 401: 1 } };
  expect(await (await fetch(`${service.url}/stats`)).json()).toEqual(expected);
  expect(service.calls).toBe(4);
  await fetch(`${service.url}/stats`, { method: 'DELETE' });
  expect(service.stats()).toEqual({ calls: 0, maxConcurrent: 0, byStatus: {} });
});

test('survives a request line that is no URL', async () => {
  const socket = closeAtEnd(connect(service.port, '127.0.0.1'));
  socket.end('GET // HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  expect(answer).toMatch(/^HTTP\/1.1 404/);
});

test('logs no token, no name and no unknown path', async () => {
  const token = service.mint();
  await me(token);
  await fetch(`${service.url}/${token}`);
  const text = log.join('\n');
  expect(text).toContain('GET /v1/users/me 200');
  expect(text).toContain('unknown route 404');
  expect(text).not.toMatch(/eyJ|asha|chen/i);
});

test('a port in use is one clear sentence', async () => {
  await expect(createIdentityService({ port: service.port }).then(closeAtEnd)).rejects.toThrow(
    `Port ${service.port}, which the stand-in identity service needs, is in use`,
  );
});

test('lets no page of another origin read a token', async () => {
  const headers = { origin: 'https://evil.example', 'access-control-request-method': 'GET' };
  for (const method of ['GET', 'OPTIONS']) {
    const response = await fetch(`${service.url}/token`, { method, headers });
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
  }
});
