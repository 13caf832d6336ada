/** Which connection a call to another service takes: straight or through the proxy, and from a pool or its own. */
import http from 'node:http';
import https from 'node:https';
import { isLoopback, type ProxyConfig } from './config';
import { ProxyAgent } from './proxy-agent';

/** Node's own agents close after 5 s, and each new connection then costs a TLS handshake. A server may ask for less. */
const POOLED = { keepAlive: true, timeout: 60_000 };

export type AgentFor = (url: string) => http.Agent;

/**
 * Agents of our own, since Node's may take a proxy from the environment by themselves.
 *
 * @param options.pooled keep connections for 60 s after use. Default true
 * @param options.onReuse called, while a call begins, when it takes a connection that served before
 */
export function createAgents(
  proxy: ProxyConfig | undefined,
  { pooled = true, onReuse }: { pooled?: boolean; onReuse?: () => void } = {},
): AgentFor {
  const options = pooled ? POOLED : {};
  const plain = new http.Agent(options);
  const direct = new https.Agent(options);
  const proxied = proxy && new ProxyAgent(proxy.url, options);
  for (const agent of [plain, direct, proxied]) if (agent && onReuse) callOnReuse(agent, onReuse);
  return function agentFor(address) {
    const url = new URL(address);
    if (url.protocol === 'http:') return plain;
    if (proxy === undefined || proxied === undefined || isLoopback(url) || isExcepted(url, proxy)) return direct;
    return proxied;
  };
}

function callOnReuse(agent: http.Agent, onReuse: () => void): void {
  agent.reuseSocket = (socket, request) => {
    onReuse();
    http.Agent.prototype.reuseSocket.call(agent, socket, request);
  };
}

/** NO_PROXY as curl reads it: an entry covers the host and all below it, on one port where it names one; * is all. */
function isExcepted(url: URL, { exceptions }: ProxyConfig): boolean {
  const port = url.port || '443';
  return exceptions.some((entry) => {
    const [, domain, onlyPort = port] = /^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(entry) ?? [];
    return entry === '*' || (onlyPort === port && `.${url.hostname}`.endsWith(`.${domain}`));
  });
}
