/**
 * The embedded Azure Functions host: serves a built app over HTTP and on its timers, as the real host does.
 *
 * Where it differs from the real one is listed in `test/host-conformance.test.ts` and `README.md` of this package.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type Answer, writeAnswer } from './answer';
import { type CorsOptions, createCors } from './cors';
import { type FunctionApp, loadFunctionApp } from './function-app';
import { type FunctionSummary, summariseFunctions } from './function-summary';
import { codeOf, HostError, messageOf } from './host-error';
import { answerClientError, parserLimitBytes, refuse } from './protocol';
import { parseRequestTarget } from './request-path';
import { answerRequest } from './router';

export { HostError } from './host-error';

const closeGraceMs = 10_000;
/** Kestrel's default; Node's 5 s would surprise clients that pool connections. */
const keepAliveTimeoutMs = 130_000;

export interface HostOptions {
  /** The folder that holds package.json, whose `main` names the bundle, and host.json. */
  readonly appDirectory: string;
  /** What the app sees as `process.env`: this and nothing else. */
  readonly env: NodeJS.ProcessEnv;
  /** 0 picks a free one. */
  readonly port: number;
  /** Default: no cross-origin request is allowed. */
  readonly cors?: CorsOptions;
  /** Called once per line. */
  readonly log: (line: string) => void;
}

export interface Host {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** Alphabetical, HTTP first, as `func start` lists them. */
  readonly functions: readonly FunctionSummary[];
  /**
   * Loads the app again and swaps it in; requests in flight finish on the old one.
   * @throws HostError if loading fails; the old app then goes on.
   */
  reload(): Promise<void>;
  /**
   * Stops accepting, answers what is in flight, stops the timers and runs the appTerminate hooks, within 10 s.
   * Calling it again returns the same promise.
   */
  close(): Promise<void>;
}

/** @throws HostError if the app cannot be loaded or served, or the port cannot be had. */
export async function createHost(options: HostOptions): Promise<Host> {
  const cors = createCors(options.cors);
  const hostId = randomUUID();
  const retiring = new Set<Promise<void>>();
  let app = await loadFunctionApp(options);
  let reloading: Promise<void> = Promise.resolve();
  let closing: Promise<void> | undefined;

  async function handle(current: FunctionApp, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const reply = (answer: Answer, corsHeaders: Readonly<Record<string, string>> = {}) => {
      if (closing) response.shouldKeepAlive = false;
      writeAnswer(response, answer, current.settings.customHeaders, corsHeaders);
    };
    const target = parseRequestTarget(request.url ?? '');
    const refusal = refuse(request) ?? (target ? undefined : 400);
    const preflight = cors.preflight(request);
    if (refusal !== undefined || !target) {
      response.shouldKeepAlive = false;
      reply({ status: refusal ?? 400, isBare: true });
    } else if (preflight) {
      reply(preflight);
    } else {
      const answer = await answerRequest(request, target, current, { hostId, env: options.env });
      reply(answer, cors.headersFor(request));
    }
    await finished(response);
  }

  const server = createServer({ maxHeaderSize: parserLimitBytes, requireHostHeader: false });
  server.keepAliveTimeout = keepAliveTimeoutMs;
  /** The latest request of each connection. */
  const latest = new WeakMap<Duplex, { request: IncomingMessage; answered: Promise<unknown> }>();
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    // Rejects only when the client has gone, or a header cannot be written.
    const answered = handle(app, request, response).catch(() => response.destroy());
    latest.set(request.socket, { request, answered });
    app.track(answered);
  };
  server.on('request', serve);
  // Without a listener Node answers 417 to any expectation other than 100-continue.
  server.on('checkExpectation', serve);
  server.on('clientError', async (error, socket) => {
    const last = latest.get(socket);
    // What came before in full is answered before; of what is broken in its body, nothing will be.
    if (last?.request.complete) await last.answered;
    answerClientError(error, socket, app.settings.customHeaders);
  });

  let port: number;
  try {
    port = await listen(server, options.port);
  } catch (error) {
    await app.retire();
    throw error;
  }
  const url = `http://127.0.0.1:${port}`;
  app.startTimers();

  function retire(old: FunctionApp): Promise<void> {
    const retired = old.retire().finally(() => retiring.delete(retired));
    retiring.add(retired);
    return retired;
  }

  async function loadAndSwap(): Promise<void> {
    if (closing) throw new HostError('The host is closed.');
    const next = await loadFunctionApp(options);
    if (closing) {
      await next.retire();
      throw new HostError('The host is closed.');
    }
    const old = app;
    app = next;
    void retire(old);
    next.startTimers();
  }

  async function shutDown(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    void retire(app);
    await withDeadline(Promise.all(retiring), closeGraceMs);
    // What is left has sent no request, or was given its time.
    server.closeAllConnections();
    await closed;
  }

  return {
    url,
    port,
    get functions() {
      return summariseFunctions(app.functions, url);
    },
    reload() {
      const done = reloading.then(loadAndSwap);
      reloading = done.catch(() => undefined);
      return done;
    },
    close() {
      closing ??= shutDown();
      return closing;
    },
  };
}

/** On the loopback address only, as the app may trust its environment. */
async function listen(server: Server, port: number): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host: '127.0.0.1', backlog: 2048 }, resolve);
    });
  } catch (error) {
    const message =
      codeOf(error) === 'EADDRINUSE'
        ? `Port ${port} is in use: stop what listens there, or choose another port.`
        : `Port ${port} cannot be opened: ${messageOf(error)}`;
    throw new HostError(message, { cause: error });
  }
  return (server.address() as AddressInfo).port;
}

async function withDeadline(work: Promise<unknown>, deadlineMs: number): Promise<void> {
  let timeout: NodeJS.Timeout | undefined;
  const deadline = new Promise((resolve) => {
    timeout = setTimeout(resolve, deadlineMs);
  });
  await Promise.race([work, deadline]);
  clearTimeout(timeout);
}
