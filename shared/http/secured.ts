/** Wraps HTTP handlers: who calls is known before a handler runs, and every error becomes a problem document. */
import {
  type HttpHandler,
  type HttpRequest,
  HttpResponse,
  type HttpResponseInit,
  type InvocationContext,
} from '@azure/functions';
import type { Authorize } from '../auth/authorize';
import type { Principal } from '../auth/principal';
import type { Authentication, Validator } from '../auth/validator';
import { type AppError, IdentityUnavailableError, InvalidTokenError } from '../errors';
import { inInvocation, log } from '../log';
import { readJsonBody, requireJson } from './json-body';
import { toAppError, toProblemResponse } from './problem';
import { tokenFromRequest, withoutToken } from './token-from-request';

/** What a protected handler gets: never the token. */
export interface SecuredRequest {
  readonly principal: Principal;
  readonly authentication: Omit<Authentication, 'persisted'>;
  /** Without the token's headers. A JSON body has been read already: take it from `json`. */
  readonly request: HttpRequest;
  /** The JSON body without the token. Throws UnsupportedMediaTypeError or InvalidBodyError when there is none. */
  readonly json: () => unknown;
  readonly context: InvocationContext;
}

type Answer = HttpResponseInit | HttpResponse;

type Handler = (request: HttpRequest, context: InvocationContext) => Answer | Promise<Answer>;

export type SecuredHandler = (secured: SecuredRequest) => Answer | Promise<Answer>;

export type Secured = (handler: SecuredHandler) => HttpHandler;

/** Makes `secured(handler)`: authenticates the token, authorizes the card, and only then runs the handler. */
export function createSecured(validator: Validator, authorize: Authorize): Secured {
  return function secured(handler) {
    return answering(async (request, context) => {
      const body = await readJsonBody(request);
      const token = tokenFromRequest(request.headers, body);
      const { persisted, ...authentication } = await validator.authenticate(token);
      try {
        const principal = authorize(authentication.identity);
        request.headers.delete('authorization');
        request.headers.delete('accesstoken');
        return await handler({
          principal,
          authentication,
          request,
          json: () => requireJson(withoutToken(body)),
          context,
        });
      } finally {
        // The row is written while the handler runs. Unless the table is slow, it is there before the answer, so that the next
        // request finds it.
        await persisted;
      }
    });
  };
}

/** Wraps the handler of an anonymous function, too: its errors become problem documents, and no cache keeps its answers. */
export function answering(handler: Handler): HttpHandler {
  return (request, context) =>
    inInvocation(context, async () => {
      try {
        return notStored(await handler(request, context));
      } catch (thrown) {
        const error = toAppError(thrown);
        logProblem(error);
        return notStored(toProblemResponse(error, context.invocationId));
      }
    });
}

/** RFC 6750 §5.3: an answer to a token is for nobody else, so no cache may keep it. */
function notStored(response: Answer): Answer {
  const isInstance = response instanceof HttpResponse;
  const headers = isInstance
    ? response.headers
    : new Headers(response.headers as ConstructorParameters<typeof Headers>[0]);
  headers.set('cache-control', 'no-store');
  return isInstance ? response : { ...response, headers };
}

function logProblem(error: AppError): void {
  const { status, code, cause } = error;
  const level = status === 500 ? 'error' : status > 500 ? 'warn' : 'info';
  const stack = status === 500 ? framesOf(cause) : undefined;
  log(level, 'request_failed', { code, status, reason: reasonOf(error), stack });
}

function reasonOf(error: AppError): string | undefined {
  if (error instanceof IdentityUnavailableError || error instanceof InvalidTokenError) return error.reason;
  return error.cause === undefined ? undefined : nameOf(error.cause);
}

/** The kind of error. Its message stays out: it may quote a token, a name or a number. */
function nameOf(cause: unknown): string {
  if (!(cause instanceof Error)) return typeof cause;
  const { name, code } = cause as NodeJS.ErrnoException;
  return code === undefined ? name : `${name} ${code}`;
}

/** Where it was thrown: of the stack, the lines below the message, which may look like one of them. */
function framesOf(cause: unknown): string[] | undefined {
  const stack = cause instanceof Error ? cause.stack?.replace(cause.message, '') : undefined;
  return stack?.match(/ {4}at .*/g)?.slice(0, 8);
}
