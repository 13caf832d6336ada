/** A stand-in for the remote identity service, over HTTP like the real one: mints tokens, answers who a token is of. */
import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import * as v from 'valibot';
import { listen } from '../ports';
import { applyFault, controlSchema, type Fault } from './faults';
import { people } from './people';
import { createTokenMint, defaultLifetimeSeconds } from './tokens';

export interface IdentityServiceOptions {
  /** 0 lets the system choose. */
  readonly port: number;
  /** Gets one line per request: method, path, status; never a token or a name. */
  readonly log?: (line: string) => void;
  /** Milliseconds since the epoch. Default Date.now. */
  readonly now?: () => number;
}

/** About `GET /v1/users/me`, since the start or the last reset. */
export interface Stats {
  readonly calls: number;
  readonly maxConcurrent: number;
  /** Calls by the status that was sent; unanswered calls are in none. */
  readonly byStatus: Readonly<Record<string, number>>;
}

export interface TokenRequest {
  /** `asha` (default), `ben` or `chen`. */
  readonly user?: string;
  /** Default `card-orders`. */
  readonly card?: string;
  /** Default 1800. Negative for a token that has expired already. */
  readonly lifetimeSeconds?: number;
}

export interface IdentityService {
  readonly url: string;
  readonly port: number;
  /** How often `GET /v1/users/me` was called. */
  readonly calls: number;
  stats(): Stats;
  resetStats(): void;
  /** Answers a token. Throws RangeError for an unknown user. */
  mint(request?: TokenRequest): string;
  /** Lets the next `times` calls (without it: all) of `/v1/users/me` fail so; undefined ends it. */
  fault(fault: Fault | undefined, times?: number): void;
  /** Breaks what is still open, and resolves when the port is free. */
  close(): Promise<void>;
}

/** Listens on 127.0.0.1. Throws LocalError when the port is in use. */
export async function createIdentityService(options: IdentityServiceOptions): Promise<IdentityService> {
  const { port: wantedPort, log = () => undefined, now = Date.now } = options;
  const tokens = createTokenMint(now);
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // each call that is delayed listens
  let currentFault: { fault: Fault; timesLeft: number } | undefined;
  let concurrent = 0;
  let counts = noCalls();

  const setFault = (fault: Fault | undefined, times = Number.POSITIVE_INFINITY) => {
    currentFault = fault && { fault, timesLeft: times };
  };

  function mint({ user = 'asha', card = 'card-orders', lifetimeSeconds = defaultLifetimeSeconds }: TokenRequest) {
    const person = Object.hasOwn(people, user) ? people[user] : undefined;
    if (!person) throw new RangeError(`Unknown user: the sample users are ${Object.keys(people).join(', ')}.`);
    return tokens.mint({ user, subject: person.id, card, lifetimeSeconds });
  }

  const routes: Record<
    string,
    (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => unknown
  > = {
    'GET /token': (_request, response, query) => {
      const parameter = (name: string) => query.get(name) ?? undefined;
      const lifetimeSeconds = Number(parameter('lifetimeSeconds') ?? defaultLifetimeSeconds);
      if (!Number.isSafeInteger(lifetimeSeconds) || Math.abs(lifetimeSeconds) > 86_400) {
        return sendError(response, 400, 'lifetimeSeconds must be a whole number from -86400 to 86400.');
      }
      const user = parameter('user');
      const card = parameter('card');
      try {
        const minted = mint({
          ...(user !== undefined && { user }),
          ...(card !== undefined && { card }),
          lifetimeSeconds,
        });
        response.setHeader('Cache-Control', 'no-store');
        if (parameter('format') === 'text') return send(response, 200, 'text/plain', minted.accessToken);
        return sendJson(response, 200, {
          accessToken: minted.accessToken,
          expiresAt: new Date(minted.expiresAtMs).toISOString(),
        });
      } catch (error) {
        if (error instanceof RangeError) return sendError(response, 400, error.message);
        throw error;
      }
    },
    'GET /v1/users/me': async (request, response) => {
      const countsAtCall = counts;
      countsAtCall.calls++;
      countsAtCall.maxConcurrent = Math.max(countsAtCall.maxConcurrent, ++concurrent);
      response.once('finish', () => {
        countsAtCall.byStatus[response.statusCode] = (countsAtCall.byStatus[response.statusCode] ?? 0) + 1;
      });
      response.once('close', () => concurrent--);

      const active = currentFault;
      if (active && --active.timesLeft <= 0) currentFault = undefined;
      if (active && !(await applyFault(active.fault, response, closing.signal))) return;

      const token = request.headers['accesstoken'];
      if (typeof token !== 'string' || token === '')
        return sendError(response, 400, 'The header accessToken is missing.');
      const claims = tokens.verify(token);
      const person = claims && people[claims.uid];
      if (!person) return sendError(response, 401, 'The token is not valid.');
      sendJson(response, 200, { ...person, actionPackageId: claims.actionPackageId });
    },
    'PUT /control': async (request, response) => {
      const control = v.safeParse(controlSchema, await json(request).catch(() => undefined));
      if (!control.success) return sendError(response, 400, v.summarize(control.issues));
      setFault(control.output.fault, control.output.times);
      sendJson(response, 200, control.output);
    },
    'DELETE /control': (_request, response) => {
      setFault(undefined);
      response.writeHead(204).end();
    },
    'GET /stats': (_request, response) => sendJson(response, 200, counts),
    'DELETE /stats': (_request, response) => {
      counts = noCalls();
      response.writeHead(204).end();
    },
  };

  const server = createServer((request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    const route = `${request.method} ${path}`;
    const handler = Object.hasOwn(routes, route) ? routes[route] : undefined;
    // Only known routes are named: any other path may hold anything, a token too.
    response.once('close', () =>
      log(`${handler ? route : 'unknown route'} ${response.writableFinished ? response.statusCode : '(unanswered)'}`),
    );
    if (!handler) return sendError(response, 404, `There are: ${Object.keys(routes).join(', ')}.`);
    handler(request, response, new URLSearchParams(query));
  });
  const port = await listen(server, wantedPort, 'the stand-in identity service', 'stop what listens there.');

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    get calls() {
      return counts.calls;
    },
    stats: () => structuredClone(counts),
    resetStats() {
      counts = noCalls();
    },
    mint: (request = {}) => mint(request).accessToken,
    fault: setFault,
    close() {
      closing.abort();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

function noCalls() {
  return { calls: 0, maxConcurrent: 0, byStatus: {} as Record<string, number> };
}

function sendError(response: ServerResponse, status: number, message: string): void {
  sendJson(response, status, { error: message });
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, 'application/json', JSON.stringify(value));
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body) }).end(body);
}
