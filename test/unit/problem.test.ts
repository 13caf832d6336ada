import {
  type AppError,
  BodyTooLargeError,
  IdempotencyKeyReusedError,
  IdentityUnavailableError,
  InsufficientScopeError,
  InternalError,
  InvalidBodyError,
  InvalidParameterError,
  InvalidRequestError,
  InvalidTokenError,
  NotFoundError,
  StorageUnavailableError,
  TokenMissingError,
  UnsupportedMediaTypeError,
} from '../../shared/errors';
import { toAppError, toProblemResponse } from '../../shared/http/problem';

const challenged: [AppError, string][] = [
  [new TokenMissingError(), 'Bearer realm="card-backend"'],
  [
    new InvalidRequestError('Send "one".'),
    `Bearer realm="card-backend", error="invalid_request", error_description="Send 'one'."`,
  ],
  [
    new InvalidTokenError('expired', 'It is over.'),
    'Bearer realm="card-backend", error="invalid_token", error_description="It is over."',
  ],
  [
    new InsufficientScopeError(),
    'Bearer realm="card-backend", error="insufficient_scope", error_description="The token is valid, but the card that it was made in may not use this API."',
  ],
];
const retried: [AppError, string][] = [
  [new IdentityUnavailableError(7, 'throttled'), '7'],
  [new StorageUnavailableError(), '2'],
];
const plain: AppError[] = [
  new InvalidParameterError('The limit is too high.'),
  new InvalidBodyError([]),
  new BodyTooLargeError('It is too large.'),
  new UnsupportedMediaTypeError(),
  new NotFoundError('There is none.'),
  new IdempotencyKeyReusedError(),
  new InternalError(),
];

const headersOf = (error: AppError) => toProblemResponse(error, 'i-1').headers;
const type = { 'content-type': 'application/problem+json' };

it.each(challenged)('challenges the caller: %s', (error, challenge) => {
  expect(headersOf(error)).toEqual({ ...type, 'www-authenticate': challenge });
});

it.each(retried)('says when to come back: %s', (error, seconds) => {
  expect(headersOf(error)).toEqual({ ...type, 'retry-after': seconds });
});

it.each(plain)('neither challenges the caller nor asks it back: %s', (error) => {
  expect(headersOf(error)).toEqual(type);
});

it('describes the error, and where a body is wrong', () => {
  const errors = [{ pointer: '#/item', detail: 'is required' }];
  const { status, jsonBody } = toProblemResponse(new InvalidBodyError(errors), 'i-1');
  expect(status).toBe(400);
  expect(jsonBody).toEqual({
    type: 'https://card-backend.example/problems/invalid_body',
    title: 'Invalid body',
    status: 400,
    code: 'invalid_body',
    detail: 'The body breaks the rules that "errors" lists.',
    instance: 'urn:uuid:i-1',
    invocationId: 'i-1',
    errors,
  });
  expect(toProblemResponse(new NotFoundError('There is none.'), 'i-1').jsonBody).not.toHaveProperty('errors');
});

it('shows nothing of a bug, and keeps it for the log', () => {
  const bug = new RangeError('SENTINEL');
  const error = toAppError(bug);
  expect([error.status, error.code, error.cause]).toEqual([500, 'internal_error', bug]);
  expect(JSON.stringify(toProblemResponse(error, 'i-1'))).not.toContain('SENTINEL');
  const known = new NotFoundError('There is none.');
  expect(toAppError(known)).toBe(known);
});
