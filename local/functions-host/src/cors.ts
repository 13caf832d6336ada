/** Cross-origin rules as Azure Functions Core Tools apply them, before anything else sees the request. */
import type { IncomingMessage } from 'node:http';
import type { Answer } from './answer';
import { HostError } from './host-error';

export interface CorsOptions {
  readonly origins: readonly string[];
  readonly credentials: boolean;
}

export interface Cors {
  /** The answer to a preflight request, which never reaches the router. */
  preflight(request: IncomingMessage): Answer | undefined;
  /** The headers for any other answer to this request, also an error. */
  headersFor(request: IncomingMessage): Readonly<Record<string, string>>;
}

/** @throws HostError if any origin is to be allowed with credentials. */
export function createCors({ origins, credentials }: CorsOptions = { origins: [], credentials: false }): Cors {
  const allowed = new Set(origins.map((origin) => origin.trim().replace(/\/$/, '').toLowerCase()));
  const allowsAny = allowed.has('*');
  if (allowsAny && credentials) throw new HostError('CORS cannot allow the origin "*" together with credentials.');

  function headersFor({ headers: { origin } }: IncomingMessage): Record<string, string> {
    if (!origin || !(allowsAny || allowed.has(origin.toLowerCase()))) return {};
    return {
      'Access-Control-Allow-Origin': allowsAny ? '*' : origin,
      ...(credentials && { 'Access-Control-Allow-Credentials': 'true' }),
      ...(!allowsAny && allowed.size > 1 && { Vary: 'Origin' }),
    };
  }

  return {
    headersFor,
    preflight(request) {
      const method = request.headers['access-control-request-method'];
      if (allowed.size === 0 || request.method !== 'OPTIONS' || !request.headers.origin || !method) return undefined;
      const granted = headersFor(request);
      if (Object.keys(granted).length === 0) return { status: 204, isBare: true };
      const requested = request.headers['access-control-request-headers'];
      return {
        status: 204,
        isBare: true,
        headers: {
          ...granted,
          'Access-Control-Allow-Methods': method,
          ...(requested && { 'Access-Control-Allow-Headers': requested }),
        },
      };
    },
  };
}
