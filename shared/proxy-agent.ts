/**
 * Makes https connections through a proxy, by CONNECT (RFC 9110 §9.3.6). Not the package https-proxy-agent, which hands
 * the proxy's own refusal to the caller as if the service had said it: a 403 would reject a token, a 404 lose an order.
 */
import http from 'node:http';
import https from 'node:https';
import { isIPv6 } from 'node:net';
import { unescape as decode } from 'node:querystring';
import type { Duplex } from 'node:stream';

/** A proxy that is silent for longer is taken for gone. */
const CONNECT_TIMEOUT_MS = 5_000;

export class ProxyAgent extends https.Agent {
  constructor(
    private readonly proxy: URL,
    options: https.AgentOptions,
    private readonly connectTimeoutMs = CONNECT_TIMEOUT_MS,
  ) {
    super(options);
  }

  /** Fails with the system's error, or with the code `PROXY_` and the status by which the proxy refuses. */
  override createConnection(
    options: https.RequestOptions,
    callback: (error: Error | null, stream?: Duplex) => void,
  ): undefined {
    const { protocol, hostname, port, username, password } = this.proxy;
    const host = isIPv6(options.host ?? '') ? `[${options.host}]` : options.host;
    const target = `${host}:${options.port}`;
    const credentials = Buffer.from(`${decode(username)}:${decode(password)}`).toString('base64');
    const request = (protocol === 'https:' ? https : http).request({
      method: 'CONNECT',
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port,
      path: target,
      headers: { host: target, ...(username && { 'proxy-authorization': `Basic ${credentials}` }) },
      agent: false,
      timeout: this.connectTimeoutMs,
    });
    request.on('connect', ({ statusCode = 0 }, socket: Duplex) => {
      if (statusCode >= 200 && statusCode < 300) {
        callback(null, super.createConnection({ ...options, socket } as https.RequestOptions) ?? undefined);
        return;
      }
      socket.destroy();
      callback(withCode(`PROXY_${statusCode}`));
    });
    request.on('timeout', () => request.destroy(withCode('ETIMEDOUT')));
    request.on('error', callback);
    request.end();
  }
}

function withCode(code: string): Error {
  return Object.assign(new Error(`The proxy does not connect: ${code}`), { code });
}
