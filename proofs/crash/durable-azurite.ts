/** An Azurite that can be killed at any moment, as it has on disk whatever it has answered, and comes back with that. */
import path from 'node:path';
import { type Azurite, startAzurite } from '../../local/azurite';
import { findLastingPort } from './lasting-port';

export interface DurableAzurite {
  readonly connectionString: string;
  /** Resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again, with the same data on the same port. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

const nodeArgs = ['--require', path.join(__dirname, 'save-first.cjs')];

/** @param location the folder for its data */
export async function startDurableAzurite(location: string): Promise<DurableAzurite> {
  const port = await findLastingPort();
  const start = () => startAzurite({ port, location, nodeArgs });
  let isClosed = false;
  let latest: Promise<Azurite> = start();
  const { connectionString } = await latest;
  return {
    connectionString,
    async kill() {
      const { pid, ended } = await latest;
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
      await ended;
    },
    async restart() {
      if (isClosed) return; // it would make its folder anew
      latest = start();
      await latest;
    },
    async close() {
      isClosed = true;
      await (await latest).stop();
    },
  };
}
