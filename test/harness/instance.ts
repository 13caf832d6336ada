/** One instance of the app in a process of its own, which can be killed as Azure would, or as a test wants. */
import { type ChildService, startChildService } from '../../local/child-service';

export interface Instance extends ChildService {
  readonly url: string;
  /** What the host and the app have logged. */
  readonly lines: readonly string[];
  /** What the process has written to its standard error, as it came. */
  readonly errors: readonly string[];
  /** Ends the process with this signal, and resolves with one sentence when it is gone. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<string>;
}

export interface InstanceOptions {
  readonly port?: number;
  readonly nodeArgs?: readonly string[];
  /** Gets each line in place of `lines`, which would hold all of a long run. */
  readonly log?: (line: string) => void;
}

/** @param settings all that the app finds in its environment, but for PATH */
export async function startInstance(
  appDirectory: string,
  settings: NodeJS.ProcessEnv,
  { port = 0, nodeArgs = [], log }: InstanceOptions = {},
): Promise<Instance> {
  const lines: string[] = [];
  const errors: string[] = [];
  let url = '';
  const service = startChildService({
    name: 'The host',
    args: [...nodeArgs, '--import', 'tsx', 'test/harness/host-process.ts', appDirectory, String(port)],
    env: { PATH: process.env['PATH'], ...settings },
    isReady: (line) => {
      url = line;
      return true;
    },
    log: log ?? ((line) => lines.push(line)),
    logError: (text) => errors.push(text),
  });
  await service.ready;
  return {
    ...service,
    url,
    lines,
    errors,
    kill(signal) {
      if (service.pid !== undefined) process.kill(service.pid, signal);
      return service.ended;
    },
  };
}
