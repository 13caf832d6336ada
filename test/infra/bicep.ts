/** One Bicep process that answers JSON-RPC: a compilation takes 0.2 s in it, and 3 s in a process of its own. */
import { spawn } from 'node:child_process';
import { LocalError } from '../../local/local-error';
import { findBicep } from './find-bicep';

const requestTimeoutMs = 60_000;
const closeTimeoutMs = 3_000;

export interface Diagnostic {
  /** An absolute path. */
  readonly source: string;
  /** Counted from 0. */
  readonly range: { readonly start: { readonly line: number; readonly char: number } };
  readonly level: 'Info' | 'Warning' | 'Error';
  readonly code: string;
  readonly message: string;
}

export interface Compilation {
  /** JSON; none when there are errors. */
  readonly text?: string;
  /** Of all files that this one uses, too. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface Snapshot {
  readonly predictedResources: readonly { readonly id: string }[];
  readonly outputs: Readonly<Record<string, unknown>>;
  /** What went wrong in evaluating, such as `fail()`. */
  readonly diagnostics: readonly unknown[];
}

/** Each takes an absolute path. Rejects with LocalError when Bicep refuses the request, ends, or takes 60 s. */
export interface Bicep {
  /** A .bicep file, to an ARM template. */
  compile(file: string): Promise<Compilation>;
  /** A .bicepparam file, to an ARM parameters file. */
  compileParams(file: string): Promise<Compilation>;
  /** What a deployment with this .bicepparam file would make, always in the same subscription and region. */
  snapshot(file: string): Promise<Snapshot>;
  /** The text as it ought to be formatted. */
  format(file: string): Promise<string>;
  /** All files that a .bicep file is made of, itself, its configuration and what it loads included. */
  references(file: string): Promise<readonly string[]>;
  /** Resolves when the process has ended. */
  close(): Promise<void>;
}

/** Starts Bicep. `environment` is what its readEnvironmentVariable() sees. Throws BicepMissingError. */
export function openBicep(environment: NodeJS.ProcessEnv = process.env): Bicep {
  const { call, close } = startServer(findBicep(), environment);
  return {
    async compile(path) {
      const { contents, diagnostics } = await call('bicep/compile', { path });
      return { ...(contents && { text: contents }), diagnostics };
    },
    async compileParams(path) {
      const { parameters, diagnostics } = await call('bicep/compileParams', { path, parameterOverrides: {} });
      return { ...(parameters && { text: parameters }), diagnostics };
    },
    snapshot: async (path) => JSON.parse((await call('bicep/getSnapshot', { path, metadata: target })).snapshot),
    format: async (path) => (await call('bicep/format', { path })).contents,
    references: async (path) => (await call('bicep/getFileReferences', { path })).filePaths,
    close,
  };
}

const target = {
  tenantId: '00000000-0000-0000-0000-000000000000',
  subscriptionId: '00000000-0000-0000-0000-000000000000',
  location: 'westeurope',
  deploymentName: 'main',
};

// biome-ignore lint/suspicious/noExplicitAny: the caller knows what this method of this version answers
type Result = any;

interface Message {
  readonly id: number;
  readonly result?: Result;
  readonly error?: { readonly message: string };
}

/** The base protocol of language servers: each message is a `Content-Length` header, an empty line, and JSON. */
function startServer(command: string, env: NodeJS.ProcessEnv) {
  const child = spawn(command, ['jsonrpc', '--stdio'], { env, stdio: ['pipe', 'pipe', 'inherit'], windowsHide: true });
  const waiting = new Map<number, (message: Message) => void>();
  let lastId = 0;
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`Bicep did not start: ${error.message}`));
    child.once('close', (code, signal) =>
      resolve(`Bicep ended (${signal ?? `exit code ${code}`}) before it answered.`),
    );
  });
  // A write to a process that has ended; `ended` says so in words.
  child.stdin.on('error', () => undefined);
  child.stdout.on(
    'data',
    messageReader((message) => {
      waiting.get(message.id)?.(message);
      waiting.delete(message.id);
    }),
  );

  function call(method: string, params: object): Promise<Result> {
    const id = ++lastId;
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    return new Promise((resolve, reject) => {
      const fail = (reason: string) => reject(new LocalError(reason));
      waiting.set(id, ({ result, error }) => (error ? fail(`Bicep: ${error.message}`) : resolve(result)));
      ended.then(fail);
      setTimeout(fail, requestTimeoutMs, `Bicep did not answer ${method} within ${requestTimeoutMs / 1000} s.`).unref();
    });
  }

  async function close(): Promise<void> {
    child.stdin.end();
    const kill = setTimeout(() => child.kill('SIGKILL'), closeTimeoutMs);
    await ended;
    clearTimeout(kill);
  }

  return { call, close };
}

/** Cuts a stream into messages, wherever its chunks break. */
function messageReader(receive: (message: Message) => void): (chunk: Buffer) => void {
  let buffered = Buffer.alloc(0);
  return (chunk) => {
    buffered = Buffer.concat([buffered, chunk]);
    for (;;) {
      const headerEnd = buffered.indexOf('\r\n\r\n');
      const length = Number(/Content-Length: (\d+)/i.exec(buffered.toString('latin1', 0, headerEnd))?.[1]);
      const bodyStart = headerEnd + 4;
      if (headerEnd < 0 || buffered.length < bodyStart + length) return;
      receive(JSON.parse(buffered.toString('utf8', bodyStart, bodyStart + length)));
      buffered = buffered.subarray(bodyStart + length);
    }
  };
}
