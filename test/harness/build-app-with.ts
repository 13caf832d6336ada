/** Builds the app with one more source file, as if somebody had added it to `functions/`. */
import { cp, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { requireEnvironment } from './app';
import { bundleSource } from './bundle-source';

/** The folder of the built app; the caller removes it. */
export async function buildAppWith(source: string): Promise<string> {
  const appDirectory = await mkdtemp(path.join(tmpdir(), 'card-backend-with-'));
  // For its package.json and host.json; the bundle is made anew.
  await cp(requireEnvironment('TEST_APP_DIRECTORY'), appDirectory, { recursive: true });
  await bundleSource(`${source}\nimport './index';`, path.join(__dirname, '../../functions'), appDirectory);
  return appDirectory;
}
