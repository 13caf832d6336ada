import { HttpRequest, type InvocationContext } from '@azure/functions';
import { createAuthorize } from '../../shared/auth/authorize';
import type { Authentication } from '../../shared/auth/validator';
import { IdentityUnavailableError, NotFoundError, StorageUnavailableError } from '../../shared/errors';
import { createSecured, type SecuredHandler } from '../../shared/http/secured';
import { deferred } from '../harness/deferred';

const identity = { id: 'u-1', name: 'Asha', phoneNumber: null, pictureUrl: null, actionPackageId: 'card-orders' };

function setUp({ card = 'card-orders', persisted = Promise.resolve() } = {}) {
  const authentication: Authentication = {
    identity,
    validatedAtMs: 0,
    expiresAtMs: 1,
    source: 'identity-service',
    persisted,
  };
  const secured = createSecured({ authenticate: async () => authentication }, createAuthorize(new Set([card])));
  const log = jest.fn();
  const context = {
    invocationId: 'i-1',
    info: (line: string) => log('info', JSON.parse(line)),
    warn: (line: string) => log('warn', JSON.parse(line)),
    error: (line: string) => log('error', JSON.parse(line)),
  } as unknown as InvocationContext;
  const run = async (handler: SecuredHandler) => {
    const request = new HttpRequest({ method: 'GET', url: 'http://x/', headers: { accessToken: 't' } });
    return secured(handler)(request, context);
  };
  return { log, run };
}

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
])('lets no answer go before the row is written: %s', async (_, card, handler) => {
  const writing = deferred();
  const { run } = setUp({ card, persisted: writing.promise });
  const answered = jest.fn();
  const answer = run(handler).then(answered);
  await new Promise(setImmediate);
  expect(answered).not.toHaveBeenCalled();
  writing.resolve();
  await answer;
});

it.each([
  ['error', new RangeError('SENTINEL'), { code: 'internal_error', status: 500, reason: 'RangeError' }],
  ['warn', new IdentityUnavailableError(5, 'throttled'), { code: 'identity_unavailable', reason: 'throttled' }],
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
  expect(log.mock.calls).toEqual([[level, expect.objectContaining({ event: 'request_failed', ...fields })]]);
});

it('logs where an error was thrown, and nothing of a message that looks like it', async () => {
  const { log, run } = setUp();
  await run(() => {
    throw new Error('SENTINEL\n    at SENTINEL');
  });
  const [[, { stack }]] = log.mock.calls;
  expect(stack[0]).toMatch(/secured\.test\.ts/);
  expect(JSON.stringify(log.mock.calls)).not.toContain('SENTINEL');
});
