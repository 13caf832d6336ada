/** The one error that callers see, and its answer: a problem document (RFC 9457) with a stable code. */

/** Status, title, what the caller should do (the detail of a problem that has none of its own), usual Retry-After. */
type ProblemType = readonly [status: number, title: string, remedy: string, retryAfterSeconds?: number];

/** The HTTP contract of errors. */
export const PROBLEM_TYPES = {
  invalid_request: [400, 'Malformed token request', 'Send the token once, in one place.'],
  invalid_parameter: [400, 'Invalid parameter', 'Fix the query parameter or header.'],
  invalid_body: [400, 'Invalid body', 'Fix what "errors" lists.'],
  token_missing: [401, 'Token missing', 'Send a card token: "Authorization: Bearer <token>" is the usual way.'],
  invalid_token: [401, 'Invalid token', 'Get a new token from the card SDK.'],
  insufficient_scope: [403, 'Card not allowed', 'This card may not use this API. A new token will not help.'],
  not_found: [404, 'Not found', 'It does not exist, or it is not yours.'],
  precondition_failed: [412, 'Precondition failed', 'It has changed since you read it. Read it again.'],
  body_too_large: [413, 'Body too large', 'Send at most 64 KiB.'],
  unsupported_media_type: [415, 'Unsupported media type', 'Send the body as "Content-Type: application/json".'],
  idempotency_key_reused: [422, 'Idempotency-Key reused', 'The key came with another body before. Use a new key.'],
  internal_error: [500, 'Internal error', 'Report the invocation id, which finds the error in the log.'],
  identity_unavailable: [503, 'Identity service unavailable', 'Keep the token and try again.', 5],
  storage_unavailable: [503, 'Storage unavailable', 'Try again.', 2],
} satisfies Record<string, ProblemType>;

export type ProblemCode = keyof typeof PROBLEM_TYPES;

interface ProblemOptions extends ErrorOptions {
  readonly retryAfterSeconds?: number | undefined; // whole, at least 1
  /** Rules that a body breaks: where (an RFC 6901 JSON pointer as a URI fragment) and which. */
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  readonly headers?: Readonly<Record<string, string>>; // further ones of the answer
  readonly reason?: string; // a stable word for the log
}

/** Throw it anywhere below `secured` or `withProblems`. The caller sees the detail. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  constructor(
    readonly code: ProblemCode,
    detail: string = PROBLEM_TYPES[code][2],
    readonly options: ProblemOptions = {},
  ) {
    super(detail, options);
    this.status = PROBLEM_TYPES[code][0];
  }
}

const TYPE_BASE = 'https://card-backend.example/problems/'; // RFC 9457 §3.1.1: absolute, need not resolve. Make it yours
const REALM = 'realm="card-backend"'; // RFC 6750 §3: a challenge has at least one parameter

export function toProblemResponse(problem: Problem, invocationId: string) {
  const { code, message, options } = problem;
  const [status, title, , usualSeconds]: ProblemType = PROBLEM_TYPES[code];
  const { retryAfterSeconds = usualSeconds, errors } = options;
  const headers: Record<string, string> = { ...options.headers, 'content-type': 'application/problem+json' };
  const challenge = toChallenge(problem);
  if (challenge !== undefined) headers['www-authenticate'] = challenge;
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(retryAfterSeconds);
  const [type, instance] = [`${TYPE_BASE}${code}`, `urn:uuid:${invocationId}`];
  // JSON leaves out what is undefined.
  const jsonBody = { type, title, status, code, detail: message, instance, invocationId, retryAfterSeconds, errors };
  return { status, headers, jsonBody };
}

function toChallenge({ code, message }: Problem): string | undefined {
  if (code === 'token_missing') return `Bearer ${REALM}`; // RFC 6750 §3.1: no error code when no token was sent
  if (code !== 'invalid_request' && code !== 'invalid_token' && code !== 'insufficient_scope') return undefined;
  // RFC 6750 §3: error_description is ASCII without quotes and backslashes.
  const description = message.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'");
  return `Bearer ${REALM}, error="${code}", error_description="${description}"`;
}
