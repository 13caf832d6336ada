/** The one error that callers see, and its answer: a problem document (RFC 9457) with a stable code. */

interface ProblemType {
  readonly status: number;
  readonly title: string;
  /** What the caller should do: the detail of a problem that has none of its own. */
  readonly remedy: string;
}

/** The HTTP contract of errors. */
export const PROBLEM_TYPES = {
  invalid_request: { status: 400, title: 'Malformed token request', remedy: 'Send the token once, in one place.' },
  invalid_parameter: { status: 400, title: 'Invalid parameter', remedy: 'Fix the query parameter or header.' },
  invalid_body: { status: 400, title: 'Invalid body', remedy: 'Fix what "errors" lists.' },
  token_missing: {
    status: 401,
    title: 'Token missing',
    remedy: 'Send a card token: "Authorization: Bearer <token>" is the usual way.',
  },
  invalid_token: { status: 401, title: 'Invalid token', remedy: 'Get a new token from the card SDK.' },
  insufficient_scope: {
    status: 403,
    title: 'Card not allowed',
    remedy: 'The token is valid, but its card may not use this API. A new token will not help.',
  },
  not_found: { status: 404, title: 'Not found', remedy: 'It does not exist, or it is not yours.' },
  precondition_failed: { status: 412, title: 'Precondition failed', remedy: 'It has changed. Read it again.' },
  body_too_large: { status: 413, title: 'Body too large', remedy: 'Send at most 64 KiB.' },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    remedy: 'Send the body as "Content-Type: application/json".',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'Idempotency-Key reused',
    remedy: 'This Idempotency-Key was used before with another body. Use a new key for a new request.',
  },
  internal_error: {
    status: 500,
    title: 'Internal error',
    remedy: 'Something went wrong here. Report the invocation id, which finds it in the log.',
  },
  identity_unavailable: {
    status: 503,
    title: 'Identity service unavailable',
    remedy: 'The token could not be checked just now. Keep it and try again.',
  },
  storage_unavailable: {
    status: 503,
    title: 'Storage unavailable',
    remedy: 'The storage could not be reached just now. Try again.',
  },
} as const satisfies Record<string, ProblemType>;

export type ProblemCode = keyof typeof PROBLEM_TYPES;

/** One rule that a body breaks: where (an RFC 6901 JSON pointer as a URI fragment) and which. */
export interface BodyError {
  readonly pointer: string;
  readonly detail: string;
}

export interface ProblemOptions extends ErrorOptions {
  /** Whole seconds, at least 1. */
  readonly retryAfterSeconds?: number | undefined;
  /** Of `invalid_body`. */
  readonly errors?: readonly BodyError[] | undefined;
  /** Further headers of the answer. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** A stable word for the log. */
  readonly reason?: string | undefined;
}

/** Throw it anywhere below `secured` or `withProblems`. The detail is shown to the caller. */
export class Problem extends Error {
  override readonly name = 'Problem';
  constructor(
    readonly code: ProblemCode,
    detail: string = PROBLEM_TYPES[code].remedy,
    readonly options: ProblemOptions = {},
  ) {
    super(detail, options);
  }
  get status(): number {
    return PROBLEM_TYPES[this.code].status;
  }
}

/** RFC 9457 §3.1.1: an absolute URI, which need not resolve. Make it yours. */
const TYPE_BASE = 'https://card-backend.example/problems/';
/** RFC 6750 §3: a challenge has at least one parameter. */
const REALM = 'realm="card-backend"';

export interface ProblemResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly jsonBody: Record<string, unknown>;
}

export function toProblemResponse(problem: Problem, invocationId: string): ProblemResponse {
  const { code, status, message, options } = problem;
  const { retryAfterSeconds, errors } = options;
  const headers: Record<string, string> = { ...options.headers, 'content-type': 'application/problem+json' };
  const challenge = toChallenge(problem);
  if (challenge !== undefined) headers['www-authenticate'] = challenge;
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(retryAfterSeconds);
  const instance = `urn:uuid:${invocationId}`;
  const type = `${TYPE_BASE}${code}`;
  const { title } = PROBLEM_TYPES[code];
  // JSON leaves out what is undefined.
  const jsonBody = { type, title, status, code, detail: message, instance, invocationId, retryAfterSeconds, errors };
  return { status, headers, jsonBody };
}

/** RFC 6750 §3 and §3.1. */
function toChallenge({ code, message }: Problem): string | undefined {
  if (code === 'token_missing') return `Bearer ${REALM}`; // §3.1: no error code when no token was sent
  if (code !== 'invalid_request' && code !== 'invalid_token' && code !== 'insufficient_scope') return undefined;
  // §3: error_description is ASCII without quotes and backslashes.
  const description = message.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'");
  return `Bearer ${REALM}, error="${code}", error_description="${description}"`;
}
