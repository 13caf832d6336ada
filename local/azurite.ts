/** Azurite, the emulator of Azure Storage, as a child process, through its documented command line. */
import path from 'node:path';
import { type ChildService, startChildService } from './child-service';
import { azuritePorts } from './ports';

/** Azurite ends in good order, with its data written, on SIGINT; this passes the end of the IPC channel on as one. */
const endWithParent = "data:text/javascript,process.once('disconnect',()=>process.emit('SIGINT')||process.exit())";

/** The emulator's account and key are the same everywhere and documented. */
const account = 'devstoreaccount1';
const accountKey = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

export interface AzuriteOptions {
  /** The port of the table service. Default 10002. Blob and queue, with `all`, are always on 10000 and 10001. */
  readonly port?: number;
  /** Default `table`. */
  readonly services?: 'table' | 'all';
  /** Where the data is kept; without it, in memory only. */
  readonly location?: string;
  /** Node's own options, before the script. */
  readonly nodeArgs?: readonly string[];
}

export interface Azurite extends ChildService {
  readonly port: number;
  /** For the table service. */
  readonly connectionString: string;
}

/** Begins Azurite; `ready` tells when it answers. */
export function spawnAzurite(options: AzuriteOptions): Azurite {
  const { port = azuritePorts.table, services = 'table', location, nodeArgs = [] } = options;
  const script = services === 'all' ? 'azurite.js' : 'table/main.js';
  const serviceCount = services === 'all' ? 3 : 1;
  let started = 0;
  const child = startChildService({
    name: 'Azurite',
    args: [
      '--import',
      endWithParent,
      ...nodeArgs,
      path.join(path.dirname(require.resolve('azurite/package.json')), 'dist/src', script),
      '--silent',
      '--disableTelemetry',
      // A newer storage SDK than this Azurite knows is no reason to refuse its requests.
      '--skipApiVersionCheck',
      '--tableHost',
      '127.0.0.1',
      '--tablePort',
      String(port),
      ...(services === 'all' ? ['--blobHost', '127.0.0.1', '--queueHost', '127.0.0.1'] : []),
      ...(location === undefined ? ['--inMemoryPersistence'] : ['--location', location]),
    ],
    // "successfully started" (table alone) or "successfully listening" (each of all).
    isReady: (line) => {
      if (/successfully (started|listening)/.test(line)) started++;
      return started === serviceCount;
    },
  });
  const connectionString = `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${accountKey};TableEndpoint=http://127.0.0.1:${port}/${account};`;
  return { ...child, port, connectionString };
}

/** Resolves when Azurite answers. Throws LocalError, with Azurite's own reason, when it ends before that. */
export async function startAzurite(options: AzuriteOptions): Promise<Azurite> {
  const azurite = spawnAzurite(options);
  await azurite.ready;
  return azurite;
}
