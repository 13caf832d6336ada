/** An HTTP relay in front of a server, which can be told to fail in its place, in any way that a server can. */
import { once } from 'node:events';
import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The address that was asked. */
  readonly ownUrl: string;
  /** Another origin. Who goes there is counted as having come here. */
  readonly elsewhereUrl: string;
  /** Lets the server behind the line answer after all. */
  relay(): void;
}

/** `refuse`: nothing listens. */
export type Failure = 'refuse' | ((exchange: Exchange) => unknown);

export interface Line {
  readonly url: string;
  /** The method of each request that has arrived, whatever became of it. */
  readonly arrivals: readonly string[];
  /** Whether none of these goes on. */
  readonly isQuiet: boolean;
  fail(failure: Failure): Promise<void>;
  mend(): Promise<void>;
  close(): Promise<void>;
}

export async function createLine(targetPort: number): Promise<Line> {
  const arrivals: string[] = [];
  let goingOn = 0;
  let failure: Failure | undefined;

  function serve(request: IncomingMessage, response: ServerResponse): void {
    arrivals.push(request.method ?? '');
    goingOn += 1;
    response.once('close', () => {
      goingOn -= 1;
    });
    const relay = () => forward(request, response, targetPort);
    if (typeof failure === 'function') failure({ request, response, ownUrl, elsewhereUrl, relay });
    else relay();
  }

  const [own, elsewhere] = [createServer(serve), createServer(serve)];
  const [ownPort, elsewherePort] = [await listen(own, 0), await listen(elsewhere, 0)];
  const ownUrl = `http://127.0.0.1:${ownPort}`;
  const elsewhereUrl = `http://127.0.0.1:${elsewherePort}`;

  return {
    url: ownUrl,
    arrivals,
    get isQuiet() {
      return goingOn === 0;
    },
    async fail(how) {
      failure = how;
      if (how === 'refuse') await close(own);
    },
    async mend() {
      if (failure === 'refuse') await listen(own, ownPort);
      failure = undefined;
    },
    async close() {
      await Promise.all([own, elsewhere].map(close));
    },
  };
}

function createServer(serve: http.RequestListener): Server {
  const server = http.createServer(serve);
  server.keepAliveTimeout = 60_000; // an idle connection that this end closes would be a fault that nobody asked for
  return server;
}

function forward(request: IncomingMessage, response: ServerResponse, port: number): void {
  const { method, url: path, headers } = request;
  // A connection of its own, for the same reason.
  const onward = http.request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (answer) => {
    const { connection: _, ...headers } = answer.headers; // of the onward connection
    response.writeHead(answer.statusCode ?? 502, headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}

async function listen(server: Server, port: number): Promise<number> {
  await once(server.listen(port, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  return closed;
}
