import {
  app,
  HttpRequest,
  type HttpRequestInit,
  HttpResponse,
  type HttpResponseInit,
  type InvocationContext,
} from '@azure/functions';
import type { Identity } from '../../shared/auth/provider';
import type { Validation } from '../../shared/auth/validator';
import { describeBug } from '../../shared/http/redact';
import { createSecured, type SecuredHandler, type SecuredRequest, withProblems } from '../../shared/http/secured';
import { Problem } from '../../shared/problem';

/** redact.test.ts tells what it finds in a bug. */
jest.mock('../../shared/http/redact', () => ({ describeBug: jest.fn() }));
const describedBug = { message: 'RangeError: described', stack: '    at there' };

const asha: Identity = { id: 'u-1', name: 'Asha', phoneNumber: null, pictureUrl: null, actionPackageId: 'card-orders' };
const steps = { tableMs: 8, identityMs: 11 };

function validationOf(identity: Identity): Validation {
  return { kind: 'valid', identity, validatedAtMs: 0, expiresAtMs: 1, source: 'identity-service', ...steps };
}

const atTermination = jest.spyOn(app.hook, 'appTerminate').mockReturnValue({ dispose() {} });
beforeEach(() => {
  atTermination.mockClear();
  jest.mocked(describeBug).mockReset().mockReturnValue(describedBug);
});

function setUp(validation = validationOf(asha)) {
  const validate = jest.fn(async (_token: string) => validation);
  const logHits = jest.fn();
  const secured = createSecured({ validate, logHits }, new Set(['card-orders']));
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
  return { validation, validate, logHits, context, log, run };
}

const refuse = (problem: unknown) => () => {
  throw problem;
};

describe('a protected handler', () => {
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
  ])('gets the principal, and the request without the token: %s', async (_, init) => {
    const { validation, validate, context, run } = setUp();
    const handler = jest.fn((_request: SecuredRequest) => ({}));
    await run(handler, init);
    expect(validate.mock.calls).toEqual([['tok-en']]);
    const [[given]] = handler.mock.calls as [[SecuredRequest]];
    expect([given.principal, given.validation, given.context]).toEqual([asha, validation, context]);
    const { headers } = given.request;
    expect(['x-own', 'authorization', 'accesstoken'].map((name) => headers.get(name))).toEqual(['1', null, null]);
    if ('body' in init) expect(given.json()).toEqual({ item: 'Tea' });
    else expect(given.json).toThrow(Problem);
  });

  it.each([null, 'card-other', 'CARD-ORDERS', ''])('runs for no one from the card %s', async (actionPackageId) => {
    const { run } = setUp(validationOf({ ...asha, actionPackageId }));
    const handler = jest.fn(() => ({}));
    const answer = await run(handler);
    expect([answer.status, await answer.json()]).toMatchObject([403, { code: 'insufficient_scope' }]);
    expect(handler).not.toHaveBeenCalled();
  });

  it.each<[string, Validation, number, object]>([
    [
      'rejected',
      { kind: 'rejected', reason: 'rejected', source: 'memory' },
      401,
      { code: 'invalid_token', detail: expect.stringContaining('does not accept') },
    ],
    [
      'expired',
      { kind: 'rejected', reason: 'expired', source: 'token' },
      401,
      { code: 'invalid_token', detail: expect.stringContaining('expired') },
    ],
    [
      'unavailable',
      { kind: 'unavailable', cause: 'throttled', retryAfterSeconds: 42, source: 'none' },
      503,
      { code: 'identity_unavailable', retryAfterSeconds: 42 },
    ],
  ])('does not run without a valid verdict: %s', async (_, validation, status, body) => {
    const { run } = setUp(validation);
    const handler = jest.fn(() => ({}));
    const answer = await run(handler);
    expect([answer.status, await answer.json()]).toMatchObject([status, body]);
    expect(answer.headers.get('retry-after')).toBe(status === 503 ? '42' : null);
    expect(handler).not.toHaveBeenCalled();
  });

  it('does not run, and no token is validated, when none is sent', async () => {
    const { run, validate } = setUp();
    const handler = jest.fn(() => ({}));
    expect((await run(handler, {})).status).toBe(401);
    expect(handler).not.toHaveBeenCalled();
    expect(validate).not.toHaveBeenCalled();
  });

  it('has its answer kept, but no cache may keep it', async () => {
    const members: SecuredHandler = () => ({
      status: 202,
      headers: { 'x-own': '1', 'cache-control': 'public' },
      body: 'own',
    });
    const instance: SecuredHandler = () => new HttpResponse({ status: 202, headers: { 'x-own': '1' }, body: 'own' });
    for (const handler of [members, instance]) {
      const answer = await setUp().run(handler);
      expect([answer.status, await answer.text()]).toEqual([202, 'own']);
      expect([answer.headers.get('x-own'), answer.headers.get('cache-control')]).toEqual(['1', 'no-store']);
    }
  });
});

describe('Server-Timing', () => {
  const ms = String.raw`\d+(\.\d{1,2})?`;
  const timingOf = async (answer: Promise<HttpResponse>) => (await answer).headers.get('server-timing');

  it('tells the source, the steps and the handler', async () => {
    const pattern = `^auth;desc="identity-service";dur=${ms}, table;dur=8, identity;dur=11, handler;dur=${ms}$`;
    expect(await timingOf(setUp().run(() => ({})))).toMatch(new RegExp(pattern));
  });

  it.each<[string, SecuredHandler]>([
    ['members', () => ({ headers: { 'Server-Timing': 'db;dur=5' } })],
    ['a Headers object', () => ({ headers: new Headers({ 'server-timing': 'db;dur=5' }) })],
    ['an HttpResponse', () => new HttpResponse({ headers: { 'server-timing': 'db;dur=5' } })],
  ])("keeps the handler's own, and goes on: %s", async (_, handler) => {
    const pattern = `^db;dur=5, auth;desc="identity-service";dur=${ms}, table;dur=8, identity;dur=11, handler;dur=${ms}$`;
    expect(await timingOf(setUp().run(handler))).toMatch(new RegExp(pattern));
  });

  it.each<[string, Validation, string]>([
    [
      '403',
      validationOf({ ...asha, actionPackageId: 'card-other' }),
      'identity-service";dur=N, table;dur=8, identity;dur=11',
    ],
    ['401, rejected', { kind: 'rejected', reason: 'rejected', source: 'memory' }, 'memory";dur=N'],
    ['401, expired', { kind: 'rejected', reason: 'expired', source: 'token' }, 'token";dur=N'],
    [
      '503',
      { kind: 'unavailable', cause: 'timeout', retryAfterSeconds: 5, source: 'none', ...steps },
      'none";dur=N, table;dur=8, identity;dur=11',
    ],
  ])('is in the answers that come without a handler: %s', async (_, validation, expected) => {
    const timing = await timingOf(setUp(validation).run(() => ({})));
    expect(timing).toMatch(new RegExp(`^auth;desc="${expected.replace('N', ms)}$`));
  });

  it('is in a 401 for a token that is malformed, which the token itself decides', async () => {
    const answer = setUp().run(() => ({}), { headers: { accessToken: 'tök en' } });
    expect((await answer).status).toBe(401);
    expect(await timingOf(answer)).toMatch(new RegExp(`^auth;desc="token";dur=${ms}$`));
  });

  it("is in the handler's own refusals", async () => {
    expect(await timingOf(setUp().run(refuse(new Problem('not_found'))))).toContain(', handler;dur=');
  });

  it.each<[number, Partial<HttpRequestInit>]>([
    [401, {}],
    [400, { headers: { accessToken: 't', authorization: 'Bearer t' } }],
  ])('is not in a %i for a request without exactly one token', async (status, init) => {
    const answer = await setUp().run(() => ({}), init);
    expect([answer.status, answer.headers.get('server-timing')]).toEqual([status, null]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });
});

describe('withProblems', () => {
  it('makes problems of the errors of an anonymous handler, whose answers no cache keeps either', async () => {
    const { context } = setUp();
    const request = new HttpRequest({ method: 'GET', url: 'http://x/' });
    const run = async (handler: Parameters<typeof withProblems>[0]) =>
      new HttpResponse((await withProblems(handler)(request, context)) as HttpResponseInit);
    const answers = [await run(() => ({ status: 200 })), await run(refuse(new Problem('storage_unavailable')))];
    expect(answers.map(({ status }) => status)).toEqual([200, 503]);
    for (const { headers } of answers) {
      expect([headers.get('cache-control'), headers.get('server-timing')]).toEqual(['no-store', null]);
    }
    expect(await answers[1]?.json()).toMatchObject({ code: 'storage_unavailable', invocationId: 'i-1' });
  });
});

describe('the log line of a refusal', () => {
  it.each<[string, unknown, object]>([
    [
      'warn',
      new Problem('identity_unavailable', undefined, { reason: 'throttled' }),
      { status: 503, reason: 'throttled' },
    ],
    [
      'warn',
      new Problem('storage_unavailable', undefined, {
        cause: Object.assign(new Error('SENTINEL'), { code: 'ECONNREFUSED' }),
      }),
      { status: 503, reason: 'Error ECONNREFUSED' },
    ],
    ['info', new Problem('not_found', 'SENTINEL'), { status: 404 }],
  ])('is written once, as %s: %s', async (level, problem, fields) => {
    const { log, run } = setUp();
    await run(refuse(problem));
    const { code } = problem as Problem;
    expect(log.mock.calls).toEqual([[level, { event: 'request_failed', code, ...fields }]]);
    expect(describeBug).not.toHaveBeenCalled();
  });

  it.each<[string, Validation, string, object]>([
    [
      'rejected',
      { kind: 'rejected', reason: 'expired', source: 'token' },
      'info',
      { code: 'invalid_token', status: 401 },
    ],
    [
      'unavailable',
      { kind: 'unavailable', cause: 'timeout', retryAfterSeconds: 5, source: 'none' },
      'warn',
      { code: 'identity_unavailable', status: 503 },
    ],
  ])('tells the reason of the verdict: %s', async (_, validation, level, fields) => {
    const { log, run } = setUp(validation);
    await run(() => ({}));
    const reason = 'reason' in validation ? validation.reason : 'timeout';
    expect(log.mock.calls).toEqual([[level, { event: 'request_failed', ...fields, reason }]]);
  });

  it.each([
    ['RangeError', new RangeError('SENTINEL')],
    ['string', 'SENTINEL'],
  ])('of a bug is an error with what may be told of it, and the caller sees nothing: %s', async (reason, bug) => {
    const { log, run } = setUp();
    const answer = await run(refuse(bug), {
      headers: { 'content-type': 'application/json' },
      body: { string: '{"accessToken":"tok-en"}' },
    });
    const text = await answer.text();
    expect([answer.status, JSON.parse(text)]).toMatchObject([500, { code: 'internal_error', invocationId: 'i-1' }]);
    expect(text).not.toContain('SENTINEL');
    expect(log.mock.calls).toEqual([
      ['error', { event: 'request_failed', code: 'internal_error', status: 500, reason, ...describedBug }],
    ]);
    const body = expect.objectContaining({ value: { accessToken: 'tok-en' } });
    expect(jest.mocked(describeBug).mock.calls).toEqual([[bug, { token: 'tok-en', identity: asha, body }]]);
  });

  it('of a bug in the validation knows the token, and no identity', async () => {
    const { validate, run } = setUp();
    const bug = new TypeError('SENTINEL');
    validate.mockRejectedValueOnce(bug);
    expect((await run(() => ({}))).status).toBe(500);
    expect(describeBug).toHaveBeenCalledWith(bug, expect.objectContaining({ token: 't', identity: undefined }));
  });
});

it('has the hits logged when the app ends', () => {
  const { logHits } = setUp();
  expect(atTermination.mock.calls).toEqual([[logHits]]);
});
