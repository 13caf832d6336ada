/** The life of a local command: one sentence on failure, everything that it started stopped, an exit code. */
import { HostError } from './functions-host/src/host-error';
import { LocalError } from './local-error';

const parentCheckMs = 250;
/** A signal that comes later than this after the first is another wish, not npm's copy of the same. */
const repeatedSignalMs = 500;

export interface Command {
  /** Registers what must be stopped before the process ends; the last one registered is stopped first. */
  onStop(stop: () => Promise<void>): void;
  /** Prints the error and ends the command with exit code 1. */
  fail(error: unknown): void;
  /** Stops everything and ends the process with this exit code. Further calls and signals change nothing. */
  finish(exitCode: number): void;
}

/**
 * Runs `main`; the process then lives until `finish`, `fail`, a signal (exit code 0) or an uncaught error (1). A second
 * signal ends it at once (1).
 * A signal may come twice (npm passes on what the terminal also sends to the whole process group).
 */
export function runCommand(main: (command: Command) => Promise<void>): void {
  const stops: (() => Promise<void>)[] = [];
  let ending = false;
  let signalledAtMs = Number.POSITIVE_INFINITY;

  const finish = (exitCode: number) => {
    if (ending) return;
    ending = true;
    stopAll(stops).finally(() => process.exit(exitCode));
  };
  const fail = (error: unknown) => {
    if (!ending) console.error(describe(error));
    finish(1);
  };

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // What is in flight has 10 s to end; who asks again will not wait for it.
      if (performance.now() - signalledAtMs > repeatedSignalMs) process.exit(1);
      signalledAtMs = Math.min(signalledAtMs, performance.now());
      finish(0);
    });
  }
  // The channel to the parent closes when the parent ends, however it ended.
  process.on('disconnect', () => finish(0));
  endWithNpm(() => finish(0));
  // Unhandled rejections arrive here too.
  process.on('uncaughtException', (error) => {
    if (!ending) console.error(describeCrash(error));
    finish(1);
  });
  main({ onStop: (stop) => stops.push(stop), fail, finish }).catch(fail);
}

/** A signal to npm alone ends the shell between npm and this process, which passes nothing on: its end is the signal. */
function endWithNpm(end: () => void): void {
  if (!process.env['npm_lifecycle_event']) return;
  const shell = process.ppid;
  setInterval(() => process.ppid !== shell && end(), parentCheckMs).unref();
}

async function stopAll(stops: (() => Promise<void>)[]): Promise<void> {
  for (const stop of stops.reverse()) await stop().catch((error) => console.error(describe(error)));
}

function describe(error: unknown): string {
  if (error instanceof LocalError || error instanceof HostError || isBuildFailure(error)) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** esbuild's message names file, line and reason of each error; its stack only leads into esbuild. */
export function isBuildFailure(error: unknown): error is Error {
  return error instanceof Error && 'errors' in error && 'warnings' in error;
}

/** One line of the error's name and where it came from. Not its message, which may hold a token or a secret. */
export function describeCrash(error: unknown): string {
  if (!(error instanceof Error)) return 'Uncaught error that is no Error.';
  const frames = (error.stack ?? '').replace(error.message, '').match(/(?<=\n\s+)at .+/g) ?? [];
  return `Uncaught ${error.name} ${frames.slice(0, 5).join(' ')}`;
}
