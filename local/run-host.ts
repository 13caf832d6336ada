/** `npm run host`: the embedded host alone on the built app. Its settings come from the environment; no file is read. */
import { existsSync } from 'node:fs';
import { functionList } from './banner';
import { runCommand } from './command';
import { createHost } from './functions-host/src/create-host';
import { LocalError } from './local-error';
import { distDirectory } from './paths';
import { assertHostPortFree, defaultHostPort, portFromEnvironment } from './ports';

runCommand(async ({ onStop }) => {
  const port = portFromEnvironment('PORT', defaultHostPort);
  if (!existsSync(distDirectory)) throw new LocalError('There is no build in dist: run "npm run build" first.');
  await assertHostPortFree(port);
  const host = await createHost({ appDirectory: distDirectory, env: process.env, port, log: console.log });
  onStop(() => host.close());
  console.log(functionList(host.functions));
  console.log(`Host listens on ${host.url}`);
});
