/** Finds who answers a request, the host's own pages or a function, and has it answer. */
import type { IncomingMessage } from 'node:http';
import { type AdminOptions, answerAdmin } from './admin';
import type { Answer } from './answer';
import type { FunctionApp } from './function-app';
import type { HttpFunction } from './function-definition';
import type { RequestTarget } from './request-path';
import { bodyLimitBytes, readBody, toRpcRequest } from './rpc-request';

/** Rejects only when the request breaks off. */
export async function answerRequest(
  request: IncomingMessage,
  target: RequestTarget,
  app: FunctionApp,
  options: AdminOptions,
): Promise<Answer> {
  const own = await answerAdmin(target.path, request, app, options);
  if (own) return own;
  const found = findFunction(app, target.path, request.method ?? 'GET');
  // A method that is not listed is not found either, never a 405.
  if (!found) return { status: 404 };
  if (Number(request.headers['content-length'] ?? 0) > bodyLimitBytes) return { status: 500 };
  const body = await readBody(request);
  return app.call(found.definition, toRpcRequest(request, target, found.params, body));
}

/** The first by name, even where a later one is more specific. */
function findFunction(app: FunctionApp, path: string, method: string) {
  const candidates = app.functions.filter(
    (definition): definition is HttpFunction => definition.trigger === 'http' && definition.methods.includes(method),
  );
  for (const definition of candidates) {
    const params = definition.route.match(path);
    if (params) return { definition, params };
  }
  return undefined;
}
