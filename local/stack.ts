/** What `npm start` and `npm run start:func` share: settings, services and the build, side by side. */
import type { Builder } from './build';
import type { Command } from './command';
import type { CorsOptions } from './functions-host/src/cors';
import { LocalError } from './local-error';
import { distDirectory, settingsFile } from './paths';
import { assertHostPortFree, defaultHostPort, portFromEnvironment } from './ports';
import { type Services, startServices } from './services';
import { localEnvironment, readLocalSettings } from './settings';

export interface Stack {
  /** The host's. */
  readonly port: number;
  readonly env: NodeJS.ProcessEnv;
  readonly cors?: CorsOptions;
  readonly services: Services;
  /** Has built once. */
  readonly builder: Builder;
}

export interface StackOptions {
  readonly azurite: 'table' | 'all';
  readonly log: (line: string) => void;
}

/**
 * Resolves when the services answer and the app is built. All of it stops with the command, and the command ends when
 * a service does. Throws LocalError for a bad setting or a port in use, BuildFailure for a source that does not build.
 */
export async function startStack({ onStop, fail }: Command, { azurite, log }: StackOptions): Promise<Stack> {
  const { values, cors } = readLocalSettings(settingsFile);
  const port = portFromEnvironment('PORT', defaultHostPort);
  const env = localEnvironment(values, process.env, { port, appDirectory: distDirectory });
  await assertHostPortFree(port);

  const services = await startServices({ env, azurite, log });
  onStop(() => services.stop());
  services.ended.then((sentence) => fail(new LocalError(sentence)));

  // Loaded only now: Azurite and the stand-in are on their way meanwhile.
  const { createBuilder } = await import('./build');
  const builder = await createBuilder();
  onStop(() => builder.dispose());
  await Promise.all([builder.rebuild(), services.ready]);
  return { port, env, ...(cors && { cors }), services, builder };
}
