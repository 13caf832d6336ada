/** The services that the app needs next to its host: Azurite and the stand-in identity service, where the settings name them. */
import path from 'node:path';
import { type AzuriteOptions, spawnAzurite } from './azurite';
import { type ChildService, startChildService } from './child-service';
import { azuriteDirectory } from './paths';
import { assertPortFree, azuritePorts, defaultIdentityPort, isAzurite, portFromEnvironment } from './ports';

export interface ServicesOptions {
  /** The app's settings. */
  readonly env: NodeJS.ProcessEnv;
  /** What of Azurite is needed; the real host keeps a timer's schedule in a blob. */
  readonly azurite: NonNullable<AzuriteOptions['services']>;
  readonly log: (line: string) => void;
}

export interface Services {
  /** Where each of them listens, for the developer to read. */
  readonly addresses: readonly string[];
  /** Set when the stand-in was started. */
  readonly identityUrl?: string;
  /** Rejects with LocalError when one of them does not start. */
  readonly ready: Promise<void>;
  /** Resolves with one sentence as soon as one of them ends by itself. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

/**
 * Begins what is needed and answers without waiting for it. Azurite is needed when the storage setting is
 * `UseDevelopmentStorage=true` and none answers yet; the stand-in when `IDENTITY_BASE_URL` is its own address.
 * Throws LocalError, with nothing started, when a port that is needed is in use.
 */
export async function startServices({ env, azurite, log }: ServicesOptions): Promise<Services> {
  const identityPort = standInPort(env);
  const needsAzurite = /^\s*UseDevelopmentStorage=true;?\s*$/i.test(env['AzureWebJobsStorage'] ?? '');
  if (identityPort !== undefined) {
    const advice = `stop what listens there, or choose another with IDENTITY_SERVICE_PORT=<port> and IDENTITY_BASE_URL=http://127.0.0.1:<port>.`;
    await assertPortFree(identityPort, 'the stand-in identity service', advice);
  }

  const children: ChildService[] = [];
  const addresses: string[] = [];
  if (needsAzurite) {
    const url = `http://127.0.0.1:${azuritePorts.table}`;
    if (await isAzurite(azuritePorts.table)) {
      addresses.push(`Table Storage     ${url} (an Azurite that was running already)`);
    } else {
      await assertPortFree(
        azuritePorts.table,
        'Table Storage (Azurite)',
        'it is no Azurite that answers there, so stop it.',
      );
      children.push(spawnAzurite({ services: azurite, location: azuriteDirectory }));
      addresses.push(`Table Storage     ${url} (Azurite, data in .azurite)`);
    }
  }
  if (identityPort !== undefined) {
    children.push(spawnIdentityService(identityPort, log));
    addresses.push(`Identity service  http://127.0.0.1:${identityPort} (the stand-in)`);
  }

  return {
    addresses,
    ...(identityPort !== undefined && { identityUrl: `http://127.0.0.1:${identityPort}` }),
    ready: Promise.all(children.map((child) => child.ready)).then(() => undefined),
    ended: Promise.race(children.map((child) => child.ended)),
    async stop() {
      await Promise.all(children.map((child) => child.stop()));
    },
  };
}

/** The port of the stand-in if the settings point at it: loopback, and its own port (7072 or `IDENTITY_SERVICE_PORT`). */
function standInPort(env: NodeJS.ProcessEnv): number | undefined {
  const port = portFromEnvironment('IDENTITY_SERVICE_PORT', defaultIdentityPort, env);
  const address = env['IDENTITY_BASE_URL'];
  if (!address || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  const isLoopback = ['127.0.0.1', 'localhost'].includes(url.hostname);
  return url.protocol === 'http:' && isLoopback && Number(url.port) === port ? port : undefined;
}

function spawnIdentityService(port: number, log: (line: string) => void): ChildService {
  return startChildService({
    name: 'The stand-in identity service',
    args: ['--import', 'tsx', path.join(__dirname, 'identity-service', 'main.ts')],
    env: { ...process.env, PORT: String(port) },
    isReady: (line) => line.includes('listens on'),
    log: (line) => log(`identity service: ${line}`),
  });
}
