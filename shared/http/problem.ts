/** Turns any error into the one kind of answer that callers get for it: a problem document, RFC 9457. */
import { AppError, InternalError, InvalidBodyError } from '../errors';

/** Where the codes are documented. RFC 9457 §3.1.1: an absolute URI, which need not resolve. Make it yours. */
const TYPE_BASE = 'https://card-backend.example/problems/';
/** RFC 6750 §3: a challenge has at least one parameter. */
const REALM = 'realm="card-backend"';

export interface ProblemResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly jsonBody: Record<string, unknown>;
}

/** What is not an AppError is a bug, of which nothing is shown. */
export function toAppError(error: unknown): AppError {
  return error instanceof AppError ? error : new InternalError({ cause: error });
}

export function toProblemResponse(error: AppError, invocationId: string): ProblemResponse {
  const { status, code, title, message } = error;
  return {
    status,
    headers: { 'content-type': 'application/problem+json', ...challengeHeader(error), ...retryAfterHeader(error) },
    jsonBody: {
      type: `${TYPE_BASE}${code}`,
      title,
      status,
      code,
      detail: message,
      instance: `urn:uuid:${invocationId}`,
      invocationId,
      ...(error instanceof InvalidBodyError ? { errors: error.errors } : {}),
    },
  };
}

/** RFC 6750 §3 and §3.1. */
function challengeHeader({ code, message }: AppError): Record<string, string> {
  switch (code) {
    case 'token_missing':
      // §3.1: no error code when no token was sent.
      return { 'www-authenticate': `Bearer ${REALM}` };
    case 'invalid_request':
    case 'invalid_token':
    case 'insufficient_scope':
      return {
        'www-authenticate': `Bearer ${REALM}, error="${code}", error_description="${toQuotable(message)}"`,
      };
    default:
      return {};
  }
}

/** RFC 6750 §3: error_description has neither quotes nor backslashes, nor anything but ASCII. */
function toQuotable(text: string): string {
  return text.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'");
}

function retryAfterHeader(error: AppError): Record<string, string> {
  return 'retryAfterSeconds' in error ? { 'retry-after': String(error.retryAfterSeconds) } : {};
}
