import {
  HttpRequest,
  type HttpRequestInit,
  HttpResponse,
  type HttpResponseInit,
  type InvocationContext,
} from '@azure/functions';
import { createAuthorize } from '../../shared/auth/authorize';
import type { Authentication } from '../../shared/auth/validator';
import { IdentityUnavailableError, NotFoundError, StorageUnavailableError } from '../../shared/errors';
import { createSecured, type SecuredHandler, type SecuredRequest } from '../../shared/http/secured';
import { deferred } from '../harness/deferred';

const asha = { id: 'u-1', name: 'Asha', phoneNumber: null, pictureUrl: null, actionPackageId: 'card-orders' };

function setUp({ identity = asha as Authentication['identity'], persisted = Promise.resolve() } = {}) {
  const authentication: Authentication = {
    identity,
    validatedAtMs: 0,
    expiresAtMs: 1,
    source: 'identity-service',
    persisted,
  };
  const authenticate = jest.fn(async (_token: string) => authentication);
  const secured = createSecured({ authenticate }, createAuthorize(new Set(['card-orders'])));
  const log = jest.fn();
  const context = {
    invocationId: 'i-1',
    info: (line: string) => log('info', JSON.parse(line)),
    warn: (line: string) => log('warn', JSON.parse(line)),
    error: (line: string) => log('error', JSON.parse(line)),
  } as unknown as InvocationContext;
  const run = async (handler: SecuredHandler, init: Partial<HttpRequestInit> = { headers: { accessToken: 't' } }) => {
    const request = new HttpRequest({ method: 'POST', url: 'http://x/', ...init });
    const answer = (await secured(handler)(request, context)) as HttpResponse | HttpResponseInit;
    return answer instanceof HttpResponse ? answer : new HttpResponse(answer);
  };
  return { authentication, authenticate, context, log, run };
}

it.each([
  ['in Authorization', { headers: { authorization: 'Bearer tok-en', 'x-own': '1' } }],
  ['in accessToken', { headers: { accessToken: 'tok-en', 'x-own': '1' } }],
  [
    'in the body',
    {
      headers: { 'content-type': 'application/json', 'x-own': '1' },
      body: { string: '{"accessToken":"tok-en","item":"Tea"}' },
    },
  ],
])('gives the handler who calls, and the request without the token: %s', async (_, init) => {
  const { authentication, authenticate, context, run } = setUp();
  const given = jest.fn((_request: SecuredRequest) => ({}));
  await run(given, init);
  expect(authenticate.mock.calls).toEqual([['tok-en']]);
  const [[{ principal, authentication: shown, request, json, context: ofHandler }]] = given.mock.calls as [
    [SecuredRequest],
  ];
  const { persisted: _persisted, ...expected } = authentication;
  expect([principal, shown, ofHandler]).toEqual([asha, expected, context]);
  expect(shown).not.toHaveProperty('persisted');
  expect(request.headers.get('x-own')).toBe('1');
  expect([request.headers.get('authorization'), request.headers.get('accesstoken')]).toEqual([null, null]);
  if ('body' in init) expect(json()).toEqual({ item: 'Tea' });
  else expect(json).toThrow('application/json');
});

it.each([null, 'card-other', 'CARD-ORDERS'])('lets nobody in from the card %s', async (actionPackageId) => {
  const { run } = setUp({ identity: { ...asha, actionPackageId } });
  const handler = jest.fn(() => ({}));
  const answer = await run(handler);
  expect([answer.status, await answer.json()]).toMatchObject([403, { code: 'insufficient_scope' }]);
  expect(handler).not.toHaveBeenCalled();
});

it.each<[string, SecuredHandler]>([
  ['members', () => ({ status: 202, headers: { 'x-own': '1', 'cache-control': 'public' }, body: 'own' })],
  ['an HttpResponse', () => new HttpResponse({ status: 202, headers: { 'x-own': '1' }, body: 'own' })],
])("keeps the handler's answer, but lets no cache keep it: %s", async (_, handler) => {
  const answer = await setUp().run(handler);
  expect([answer.status, await answer.text()]).toEqual([202, 'own']);
  expect([answer.headers.get('x-own'), answer.headers.get('cache-control')]).toEqual(['1', 'no-store']);
});

it.each<[string, string, SecuredHandler]>([
  ['an answer', 'card-orders', () => ({ status: 200 })],
  [
    'an error',
    'card-orders',
    () => {
      throw new NotFoundError('There is none.');
    },
  ],
  ['a card that is not listed', 'card-other', () => ({ status: 200 })],
])('lets no answer go before the row is written: %s', async (_, actionPackageId, handler) => {
  const writing = deferred();
  const { run } = setUp({ identity: { ...asha, actionPackageId }, persisted: writing.promise });
  const answered = jest.fn();
  const answer = run(handler).then(answered);
  await new Promise(setImmediate);
  expect(answered).not.toHaveBeenCalled();
  writing.resolve();
  await answer;
});

const frames = expect.arrayContaining([expect.stringMatching(/^ {4}at .*:\d+:\d+\)?$/)]);

it.each<[string, unknown, object]>([
  ['error', new RangeError('SENTINEL'), { code: 'internal_error', status: 500, reason: 'RangeError', stack: frames }],
  ['error', 'SENTINEL, thrown bare', { code: 'internal_error', status: 500, reason: 'string' }],
  [
    'warn',
    new IdentityUnavailableError(5, 'throttled'),
    { code: 'identity_unavailable', status: 503, reason: 'throttled' },
  ],
  [
    'warn',
    new StorageUnavailableError({ cause: Object.assign(new Error('SENTINEL'), { code: 'ECONNREFUSED' }) }),
    { code: 'storage_unavailable', status: 503, reason: 'Error ECONNREFUSED' },
  ],
  ['info', new NotFoundError('There is none.'), { code: 'not_found', status: 404 }],
])('logs once, as %s, what became of %s', async (level, error, fields) => {
  const { log, run } = setUp();
  await run(() => {
    throw error;
  });
  expect(log.mock.calls).toEqual([[level, { event: 'request_failed', ...fields }]]);
});

it('logs of a bug where it was thrown, eight frames of it, and nothing of a message that looks like that', async () => {
  const { log, run } = setUp();
  const throwFrom = (depth: number) => {
    if (depth > 0) throwFrom(depth - 1);
    throw new TypeError('no\n    at SENTINEL');
  };
  await run(() => throwFrom(20) as never);
  const [[, { stack }]] = log.mock.calls;
  expect(stack[0]).toMatch(/^ {4}at throwFrom .*secured\.test\.ts:\d+:\d+\)$/);
  expect(stack).toHaveLength(8);
});

it.each([undefined, 'TypeError: SENTINEL'])('answers and logs a bug that has no frames: %s', async (stack) => {
  const { log, run } = setUp();
  const answer = await run(() => {
    throw Object.assign(new TypeError('SENTINEL'), { stack });
  });
  expect([answer.status, await answer.json()]).toMatchObject([500, { code: 'internal_error' }]);
  expect(log.mock.calls).toEqual([
    ['error', { event: 'request_failed', code: 'internal_error', status: 500, reason: 'TypeError' }],
  ]);
});
