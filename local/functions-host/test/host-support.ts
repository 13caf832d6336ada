/** What the tests of the embedded host share: apps built on the fly, and requests sent byte for byte. */
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bundleSource } from '../../../test/harness/bundle-source';
import { repositoryRoot } from '../../paths';
import { createHost, type Host, type HostOptions } from '../src/create-host';

export const defaultHostJson = {
  version: '2.0',
  extensions: { http: { customHeaders: { 'X-Content-Type-Options': 'nosniff' } } },
};

/** An app folder as `npm run build` leaves one: `main.js`, `package.json` and `host.json`. */
export interface TestApp {
  readonly directory: string;
  /** Builds other source into the same folder. */
  rewrite(source: string): Promise<void>;
  remove(): Promise<void>;
}

export async function createApp(source: string, hostJson: unknown = defaultHostJson): Promise<TestApp> {
  const directory = await mkdtemp(path.join(tmpdir(), 'host-test-'));
  const rewrite = (contents: string) => bundleSource(contents, repositoryRoot, directory);
  await rewrite(source);
  await writeFile(path.join(directory, 'package.json'), JSON.stringify({ name: 'app', main: 'main.js' }));
  await writeFile(path.join(directory, 'host.json'), JSON.stringify(hostJson));
  return { directory, rewrite, remove: () => rm(directory, { recursive: true, force: true }) };
}

export interface StartedApp {
  readonly host: Host;
  readonly app: TestApp;
  readonly lines: readonly string[];
  /** Resolves to the first line, past or to come, that contains `text`. */
  logged(text: string): Promise<string>;
  /** `fetch` of a path under the host, on a connection of its own. */
  get(pathname: string, init?: RequestInit): Promise<Response>;
}

const started: StartedApp[] = [];

/** Starts a host on a free port; `stopAll` stops it. */
export async function start(
  source: string,
  options: Partial<HostOptions> = {},
  hostJson: unknown = defaultHostJson,
): Promise<StartedApp> {
  const app = await createApp(source, hostJson);
  const lines: string[] = [];
  const waiting = new Set<(line: string) => void>();
  const log = (line: string) => {
    lines.push(line);
    for (const hear of waiting) hear(line);
  };
  const logged = (text: string) =>
    new Promise<string>((resolve) => {
      const hear = (line: string) => {
        if (!line.includes(text)) return;
        waiting.delete(hear);
        resolve(line);
      };
      waiting.add(hear);
      for (const line of lines) hear(line);
    });
  try {
    const host = await createHost({ appDirectory: app.directory, env: {}, port: 0, log, ...options });
    const get = (pathname: string, init: RequestInit = {}) =>
      fetch(`${host.url}${pathname}`, { ...init, headers: { ...init.headers, connection: 'close' } });
    const result = { host, app, lines, logged, get };
    started.push(result);
    return result;
  } catch (error) {
    await app.remove();
    throw error;
  }
}

export async function stopAll(): Promise<void> {
  for (const { host, app } of started.splice(0)) {
    await host.close();
    await app.remove();
  }
}

/** A server that answers when it is told to: an app that fetches it waits there, without a sleep. */
export interface Gate {
  readonly url: string;
  /** Resolves when the `count`th request has arrived. */
  arrived(count: number): Promise<void>;
  /** How many have arrived. */
  readonly count: number;
  /** Answers those who wait; from then on everyone at once. */
  open(): void;
  close(): Promise<void>;
}

export async function createGate(): Promise<Gate> {
  const waiting: ServerResponse[] = [];
  const arrivals = new EventEmitter();
  let count = 0;
  let isOpen = false;
  const server = createServer((_request, response) => {
    response.setHeader('connection', 'close');
    if (isOpen) response.end();
    else waiting.push(response);
    count += 1;
    arrivals.emit('arrival');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  function open() {
    isOpen = true;
    for (const response of waiting.splice(0)) response.end();
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get count() {
      return count;
    },
    async arrived(wanted) {
      while (count < wanted) await once(arrivals, 'arrival');
    },
    open,
    async close() {
      open();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface RawResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

/** Sends the bytes and reads until the host closes the connection. */
export async function exchange(port: number, bytes: Uint8Array): Promise<RawResponse> {
  const socket = net.connect(port, '127.0.0.1');
  socket.write(bytes);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return parseResponse(Buffer.concat(chunks));
}

function parseResponse(bytes: Buffer): RawResponse {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) throw new Error(`No HTTP response: ${JSON.stringify(bytes.toString('latin1'))}`);
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const status = Number(statusLine.split(' ')[1]);
  const rest = bytes.subarray(end + 4);
  // An interim response, such as 100 Continue, precedes the one that counts.
  if (status < 200) return parseResponse(rest);
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const isChunked = headers.some(([name, value]) => name === 'transfer-encoding' && value === 'chunked');
  return { status, headers, body: isChunked ? dechunk(rest) : rest };
}

function dechunk(bytes: Buffer): Buffer {
  const chunks: Buffer[] = [];
  let rest = bytes;
  for (;;) {
    const end = rest.indexOf('\r\n');
    const length = Number.parseInt(rest.subarray(0, end).toString('latin1'), 16);
    if (!(length > 0)) return Buffer.concat(chunks);
    chunks.push(rest.subarray(end + 2, end + 2 + length));
    rest = rest.subarray(end + 2 + length + 2);
  }
}
