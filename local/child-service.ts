/** A service in a child process that lives exactly as long as this process wants it, or as this process itself. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { LocalError } from './local-error';
import { repositoryRoot } from './paths';

/** How long a child may take to end in good order before it is killed. */
const stopTimeoutMs = 3000;

export interface ChildServiceOptions {
  /** As in "<name> did not start". */
  readonly name: string;
  /** Node's arguments: its options, then the script and the script's own. */
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Sees each line of output; answers true for the line that says that the service is ready. */
  readonly isReady: (line: string) => boolean;
  /** Gets each line of output after that. */
  readonly log?: (line: string) => void;
  /** Gets what it writes to its standard error, as it comes. */
  readonly logError?: (text: string) => void;
}

export interface ChildService {
  readonly pid: number | undefined;
  /** Rejects with LocalError, and the child's own reason, when it ends before it is ready. */
  readonly ready: Promise<void>;
  /** Resolves with one sentence when the process has ended, and all that it wrote has been read. */
  readonly ended: Promise<string>;
  /** Null before that, and where it was a signal that ended it. */
  exitCode(): number | null;
  /** Resolves when the process has ended. */
  stop(): Promise<void>;
}

/**
 * Starts Node with `args`. The child must end when its IPC channel closes: `stop` closes it, and so does the system
 * when this process is gone, even by SIGKILL.
 */
export function startChildService({ name, args, env, isReady, log, logError }: ChildServiceOptions): ChildService {
  const child = spawn(process.execPath, args, {
    cwd: repositoryRoot,
    env: env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A process group of its own, so that the terminal's Ctrl-C reaches only this process, which ends the child in order.
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4000);
    logError?.(text);
  });

  // Not the event `close`: Node does not emit it after `disconnect`. The last words are read all the same.
  const lastWords = Promise.all(
    [child.stdout, child.stderr].map((stream) => new Promise<void>((resolve) => stream?.once('close', resolve))),
  );
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`${name} did not start: ${error.message}`));
    child.once('exit', async (code, signal) => {
      await lastWords;
      resolve(`${name} ended (${reason(errors) ?? signal ?? `exit code ${code}`}).`);
    });
  });
  const ready = new Promise<void>((resolve, reject) => {
    let isUp = false;
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      if (isUp) log?.(line);
      else if (isReady(line)) {
        isUp = true;
        resolve();
      }
    });
    ended.then((sentence) => reject(new LocalError(sentence)));
  });
  // Who stops the child before it is ready need not wait for `ready`.
  ready.catch(() => undefined);

  return {
    pid: child.pid,
    ready,
    ended,
    exitCode: () => child.exitCode,
    async stop() {
      if (child.connected) child.disconnect();
      const kill = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
      await ended;
      clearTimeout(kill);
    },
  };
}

/** The last line that the child wrote to its standard error. */
function reason(errors: string): string | undefined {
  return errors.trim().split('\n').at(-1) || undefined;
}
