/** TCP ports on the loopback address: reading one from a setting, asking whether it answers, taking it. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { LocalError } from './local-error';

export const defaultHostPort = 7071;
export const defaultIdentityPort = 7072;
export const azuritePorts = { blob: 10000, queue: 10001, table: 10002 } as const;

/** How long something on Azurite's port may take to say that it is Azurite. */
const azuriteAnswerMs = 1000;

/**
 * The port that the environment variable `name` holds, or `defaultPort` when it is unset or empty.
 * 0 lets the system choose. Throws LocalError when the value is no port.
 */
export function portFromEnvironment(name: string, defaultPort: number, environment = process.env): number {
  const value = environment[name];
  if (!value) return defaultPort;
  const port = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (port <= 65535) return port;
  throw new LocalError(`${name} must be a port number from 0 to 65535, not "${value}".`);
}

/** Whether something accepts connections on this port of 127.0.0.1. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const answer = (listening: boolean) => {
      socket.destroy();
      resolve(listening);
    };
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
  });
}

/** Whether what answers on this port of 127.0.0.1 is Azurite's table service, by the name that it gives itself. */
export async function isAzurite(port: number): Promise<boolean> {
  // Asked first because it costs a millisecond, where loading fetch costs the start some twenty.
  if (!(await isListening(port))) return false;
  try {
    const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(azuriteAnswerMs) });
    await response.body?.cancel();
    return /^Azurite-Table/i.test(response.headers.get('server') ?? '');
  } catch {
    return false;
  }
}

/** Throws LocalError, ending in `advice`, when something listens on `port`. */
export async function assertPortFree(port: number, purpose: string, advice: string): Promise<void> {
  if (port !== 0 && (await isListening(port))) throw portInUse(port, purpose, advice);
}

/** Throws LocalError when something listens on the port that the Functions host shall have. */
export function assertHostPortFree(port: number): Promise<void> {
  const advice = 'stop what listens there, or choose another with PORT=<port>.';
  return assertPortFree(port, 'the Functions host', advice);
}

/** Listens on 127.0.0.1 and answers the port. Throws LocalError, ending in `advice`, when it is taken. */
export async function listen(server: Server, port: number, purpose: string, advice: string): Promise<number> {
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw portInUse(port, purpose, advice);
    throw error;
  }
  return (server.address() as AddressInfo).port;
}

function portInUse(port: number, purpose: string, advice: string): LocalError {
  return new LocalError(`Port ${port}, which ${purpose} needs, is in use: ${advice}`);
}
