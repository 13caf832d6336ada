/** Wraps HTTP handlers: a protected one runs only for an authorized caller, and every error becomes a problem document. */
import type { HttpHandler, HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { app, HttpResponse } from '@azure/functions';
import { isAllowed, type Principal } from '../auth/authorize';
import type { Source, Validation, Validator, ValidValidation } from '../auth/validator';
import { systemClock } from '../clock';
import { log, runWithInvocation } from '../log';
import { Problem, toProblemResponse } from '../problem';
import { type JsonBody, readJsonBody, requireJson } from './json-body';
import { describeBug } from './redact';
import { toServerTiming } from './server-timing';
import { tokenFromRequest, withoutToken } from './token-from-request';

/** What a protected handler gets: never the token. */
export interface SecuredRequest {
  readonly principal: Principal;
  readonly validation: ValidValidation;
  /** Without the token's headers. A JSON body has been read already: take it from `json`. */
  readonly request: HttpRequest;
  /** The JSON body without the token. Throws a Problem when there is none. */
  readonly json: () => unknown;
  readonly context: InvocationContext;
}

type Answer = HttpResponseInit | HttpResponse;
export type SecuredHandler = (secured: SecuredRequest) => Answer | Promise<Answer>;
/** What is known of a request so far, for its answer's headers and its log line. */
type Trace = { startedAtMs: number; token?: string; body?: JsonBody; validation?: Validation; handlerAtMs?: number };
type TracedHandler = (request: HttpRequest, context: InvocationContext, trace: Trace) => Answer | Promise<Answer>;

const { elapsed } = systemClock;

/** Makes `secured(handler)`: authenticates the token, authorizes the card, and only then runs the handler. */
export function createSecured({ validate, logHits }: Validator, allowedCardIds: ReadonlySet<string>) {
  app.hook.appTerminate(logHits);
  return function secured(handler: SecuredHandler): HttpHandler {
    return withProblems(async (request, context, trace) => {
      const body = await readJsonBody(request);
      trace.body = body;
      trace.token = tokenFromRequest(request.headers, body);
      const validation = await validate(trace.token);
      trace.validation = validation;
      if (validation.kind !== 'valid') throw toProblem(validation);
      const principal = validation.identity;
      if (!isAllowed(principal, allowedCardIds)) throw new Problem('insufficient_scope');
      request.headers.delete('authorization');
      request.headers.delete('accesstoken');
      trace.handlerAtMs = elapsed();
      return handler({ principal, validation, request, json: () => requireJson(withoutToken(body)), context });
    });
  };
}

/** Wraps the handler of an anonymous function, too: its errors become problem documents, and no cache keeps its answers. */
export function withProblems(handler: TracedHandler): HttpHandler {
  return (request, context) =>
    runWithInvocation(context, async () => {
      const trace: Trace = { startedAtMs: elapsed() };
      try {
        return withHeaders(await handler(request, context, trace), trace, trace.validation?.source);
      } catch (error) {
        const problem = error instanceof Problem ? error : new Problem('internal_error', undefined, { cause: error });
        logProblem(problem, trace);
        // A token that is refused before it is validated is refused for its form.
        const source = trace.validation?.source ?? (problem.code === 'invalid_token' ? 'token' : undefined);
        return withHeaders(toProblemResponse(problem, context.invocationId), trace, source);
      }
    });
}

/** The only place that turns a verdict into an HTTP problem. */
function toProblem(validation: Exclude<Validation, ValidValidation>): Problem {
  if (validation.kind === 'unavailable') {
    const { cause, retryAfterSeconds } = validation;
    return new Problem('identity_unavailable', undefined, { reason: cause, retryAfterSeconds });
  }
  const { reason } = validation;
  const what = reason === 'expired' ? 'The token has expired.' : 'The identity service does not accept this token.';
  return new Problem('invalid_token', `${what} Get a new one from the card SDK.`, { reason });
}

function withHeaders(answer: Answer, trace: Trace, source: Source | undefined): HttpResponse {
  const response = answer instanceof HttpResponse ? answer : new HttpResponse(answer); // here, so that its bugs are caught
  response.headers.set('cache-control', 'no-store'); // RFC 6750 §5.3: an answer to a token is for no one else
  if (source !== undefined) {
    const { startedAtMs, handlerAtMs, validation } = trace;
    const authMs = (handlerAtMs ?? elapsed()) - startedAtMs;
    const handlerMs = handlerAtMs && elapsed() - handlerAtMs;
    response.headers.append('server-timing', toServerTiming({ ...validation, source, authMs, handlerMs }));
  }
  return response;
}

function logProblem({ code, status, options }: Problem, { token, body, validation }: Trace): void {
  const level = status === 500 ? 'error' : status > 500 ? 'warn' : 'info';
  const { cause, reason = nameOf(cause, status === 500) } = options;
  const identity = validation?.kind === 'valid' ? validation.identity : undefined;
  const bug = status === 500 && cause !== undefined ? describeBug(cause, { token, body, identity }) : undefined;
  log(level, 'request_failed', { code, status, reason, ...bug });
}

/** The kind of error, without its message, which may quote a token, a name or a number. So may a bug's code and name. */
function nameOf(cause: unknown, isBug: boolean): string | undefined {
  if (!(cause instanceof Error)) return cause === undefined ? undefined : typeof cause;
  const { name, code } = cause as NodeJS.ErrnoException;
  if (isBug) return /^\w*Error$/.test(name) ? name : 'Error';
  return code === undefined ? name : `${name} ${code}`;
}
