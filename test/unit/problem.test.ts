import { PROBLEM_TYPES, Problem, type ProblemCode, toProblemResponse } from '../../shared/problem';

const answerTo = (...problem: ConstructorParameters<typeof Problem>) =>
  toProblemResponse(new Problem(...problem), 'i-1');
const type = { 'content-type': 'application/problem+json' };
const codes = Object.keys(PROBLEM_TYPES) as ProblemCode[];
const [challenged, retried] = [
  ['token_missing', 'invalid_request', 'invalid_token', 'insufficient_scope'],
  ['identity_unavailable', 'storage_unavailable'],
];

it.each<[ProblemCode, string | undefined, string]>([
  ['token_missing', undefined, 'Bearer realm="card-backend"'],
  [
    'invalid_request',
    'Send "one".',
    `Bearer realm="card-backend", error="invalid_request", error_description="Send 'one'."`,
  ],
  [
    'invalid_token',
    'It\\is over – now.',
    `Bearer realm="card-backend", error="invalid_token", error_description="It'is over ' now."`,
  ],
  [
    'insufficient_scope',
    undefined,
    'Bearer realm="card-backend", error="insufficient_scope", error_description="This card may not use this API. A new token will not help."',
  ],
])('challenges the caller: %s', (code, detail, challenge) => {
  expect(answerTo(code, detail).headers).toEqual({ ...type, 'www-authenticate': challenge });
});

it.each<[ProblemCode, number | undefined, number]>([
  ['identity_unavailable', undefined, 5],
  ['identity_unavailable', 7, 7],
  ['storage_unavailable', undefined, 2],
])('says when to try again, in the header and in the document: %s', (code, retryAfterSeconds, seconds) => {
  const { headers, jsonBody } = answerTo(code, undefined, { retryAfterSeconds });
  expect(headers).toEqual({ ...type, 'retry-after': String(seconds) });
  expect(jsonBody).toMatchObject({ status: 503, retryAfterSeconds: seconds });
});

it.each(codes.filter((code) => !challenged.includes(code) && !retried.includes(code)))(
  'neither challenges the caller nor tells it to try again: %s',
  (code) => {
    const { headers, jsonBody } = answerTo(code);
    expect(headers).toEqual(type);
    expect(jsonBody.retryAfterSeconds).toBeUndefined();
  },
);

it.each(codes)('says what the caller should do, unless the problem has a detail of its own: %s', (code) => {
  const [status, title, remedy] = PROBLEM_TYPES[code];
  expect(answerTo(code).jsonBody).toMatchObject({ status, title, code, detail: remedy });
  expect(answerTo(code, 'Its own.').jsonBody).toMatchObject({ status, title, code, detail: 'Its own.' });
});

it('describes the problem, and where a body is wrong', () => {
  const errors = [{ pointer: '#/item', detail: 'is required' }];
  const { status, jsonBody } = answerTo('invalid_body', undefined, { errors });
  expect(status).toBe(400);
  expect(JSON.parse(JSON.stringify(jsonBody))).toEqual({
    type: 'https://card-backend.example/problems/invalid_body',
    title: 'Invalid body',
    status: 400,
    code: 'invalid_body',
    detail: 'Fix what "errors" lists.',
    instance: 'urn:uuid:i-1',
    invocationId: 'i-1',
    errors,
  });
  expect(JSON.parse(JSON.stringify(answerTo('not_found').jsonBody))).not.toHaveProperty('errors');
});

it('adds the headers that a problem brings, but keeps its own', () => {
  const headers = { 'accept-encoding': 'identity', 'content-type': 'text/plain' };
  expect(answerTo('unsupported_media_type', undefined, { headers }).headers).toEqual({
    'accept-encoding': 'identity',
    ...type,
  });
});

it('shows nothing of its cause and reason, and keeps both for the log', () => {
  const cause = new RangeError('SENTINEL');
  const problem = new Problem('internal_error', undefined, { cause, reason: 'SENTINEL' });
  expect([problem.status, problem.cause, problem.options.reason]).toEqual([500, cause, 'SENTINEL']);
  expect(JSON.stringify(toProblemResponse(problem, 'i-1'))).not.toContain('SENTINEL');
});
