/** Which connection a call to another service takes: straight or through the proxy, and from a pool or its own. */
import http from 'node:http';
import https from 'node:https';
import { unescape as decode } from 'node:querystring';
import type { Duplex } from 'node:stream';
import { isLoopback, type ProxyConfig } from './config';

export type AgentFor = (url: string) => http.Agent;
/** `onReuse` is called, while a call begins, when it takes a connection from the pool that served before. */
type Options = { pooled?: boolean; onReuse?: () => void };

/** Agents of our own, since Node's may take a proxy from the environment by themselves. */
export function createAgents(proxy?: ProxyConfig, { pooled = true, onReuse = () => {} }: Options = {}): AgentFor {
  // Node's own agents close after 5 s, and each new connection then costs a TLS handshake. A server may ask for less.
  const options = pooled ? { keepAlive: true, timeout: 60_000 } : {};
  const plain = new http.Agent(options);
  const direct = new https.Agent(options);
  const proxied = proxy === undefined ? direct : createProxyAgent(proxy.url, options);
  for (const agent of [plain, direct, proxied]) {
    agent.reuseSocket = (socket, request) => {
      onReuse();
      http.Agent.prototype.reuseSocket.call(agent, socket, request);
    };
  }
  return function agentFor(address) {
    const url = new URL(address);
    if (url.protocol === 'http:') return plain;
    return isLoopback(url) || proxy?.exceptions.some((entry) => isCovered(url, entry)) ? direct : proxied;
  };
}

/** NO_PROXY as curl reads it: an entry covers the host and all below it, on one port where it names one; * is all. */
function isCovered({ hostname, port }: URL, entry: string): boolean {
  const [, domain, onlyPort] = /^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(entry) ?? [];
  const isPort = onlyPort === undefined || onlyPort === (port || '443');
  return entry === '*' || (isPort && `.${hostname}`.endsWith(`.${domain}`));
}

/**
 * Makes tunnels by CONNECT (RFC 9110 §9.3.6). Where the proxy refuses, the error's code is `PROXY_` and the status. The
 * package https-proxy-agent would return the refusal as the service's own answer, so that a 403 rejects a token.
 */
export function createProxyAgent(proxy: URL, options: https.AgentOptions, connectTimeoutMs = 5_000): https.Agent {
  const agent = new https.Agent(options);
  const { protocol, hostname, port, username, password } = proxy;
  const credentials = Buffer.from(`${decode(username)}:${decode(password)}`).toString('base64');
  const failure = (code: string) => Object.assign(new Error(`The proxy does not connect: ${code}`), { code });
  agent.createConnection = (target: https.RequestOptions, callback: (error: Error | null, stream?: Duplex) => void) => {
    const host = target.host?.includes(':') ? `[${target.host}]` : target.host;
    const path = `${host}:${target.port}`;
    const headers = { host: path, ...(username && { 'proxy-authorization': `Basic ${credentials}` }) };
    const to = { hostname: hostname.replace(/^\[|\]$/g, ''), port, path, timeout: connectTimeoutMs };
    const request = (protocol === 'https:' ? https : http).request({ ...to, method: 'CONNECT', headers, agent: false });
    request.on('connect', ({ statusCode = 0 }, socket: Duplex) => {
      if (statusCode >= 200 && statusCode < 300) {
        const tunnel = { ...target, socket } as https.RequestOptions;
        callback(null, https.Agent.prototype.createConnection.call(agent, tunnel) ?? undefined);
      } else {
        socket.destroy();
        callback(failure(`PROXY_${statusCode}`));
      }
    });
    request.on('timeout', () => request.destroy(failure('ETIMEDOUT')));
    request.on('error', callback).end();
  };
  return agent;
}
