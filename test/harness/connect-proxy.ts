/** A proxy for https (RFC 9110 §9.3.6). Each tunnel leads to one server, whatever host the client names. */
import http from 'node:http';
import https from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';

export interface ConnectProxy {
  readonly port: number;
  /** What the clients have asked for: `host:port`, one for each tunnel. */
  readonly targets: string[];
  /** Requests that are no CONNECT, which would be seen in clear. */
  readonly others: string[];
  /** The headers `Proxy-Authorization`. */
  readonly credentials: (string | undefined)[];
  /** Answers CONNECT with this status from now on. */
  refuse(status: number): void;
  /** Breaks all tunnels. */
  cut(): void;
  close(): Promise<void>;
}

/** @param certificate for a proxy that is itself called by TLS */
export async function createConnectProxy(
  targetPort: number,
  certificate?: { cert: string; key: string },
): Promise<ConnectProxy> {
  const [targets, others, credentials]: [string[], string[], (string | undefined)[]] = [[], [], []];
  const sockets = new Set<Socket>();
  let status = 200;
  const server = certificate === undefined ? http.createServer() : https.createServer(certificate);
  server.on('request', ({ method, url }: http.IncomingMessage, response: http.ServerResponse) => {
    others.push(`${method} ${url}`);
    response.writeHead(502).end();
  });
  server.on('connect', ({ url = '', headers }: http.IncomingMessage, socket: Socket) => {
    targets.push(url);
    credentials.push(headers['proxy-authorization']);
    sockets.add(socket.on('error', () => {}));
    if (status !== 200) {
      socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 2\r\n\r\n{}`);
      return;
    }
    const upstream = connect(targetPort, '127.0.0.1').on('error', () => socket.destroy());
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    socket.pipe(upstream).pipe(socket);
    sockets.add(upstream);
  });
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    targets,
    others,
    credentials,
    refuse(newStatus) {
      status = newStatus;
    },
    cut,
    close() {
      cut();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
