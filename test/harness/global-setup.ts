/** Once for all tests: builds the app with the tests' business function, into a folder of its own, and starts one Azurite. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Azurite, startAzurite } from '../../local/azurite';
import { buildTestApp } from './build-app-with';
import { findFreePort } from './free-port';

declare global {
  // For global-teardown.ts, which Jest runs in the same realm.
  var testStack: { azurite: Azurite; appDirectory: string } | undefined;
}

export default async function globalSetup(): Promise<void> {
  const appDirectory = await mkdtemp(path.join(tmpdir(), 'card-backend-app-'));
  const [azurite] = await Promise.all([startAzurite({ port: await findFreePort() }), buildTestApp(appDirectory)]);
  process.env['TEST_APP_DIRECTORY'] = appDirectory;
  process.env['TEST_STORAGE'] = azurite.connectionString;
  globalThis.testStack = { azurite, appDirectory };
}
