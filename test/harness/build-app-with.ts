/** Builds the app with one more source file, as if somebody had added it to `functions/`. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { build as buildApp, bundleOptions } from '../../local/build';

/** The folder of the built app; the caller removes it. */
export async function buildAppWith(source: string): Promise<string> {
  const appDirectory = await mkdtemp(path.join(tmpdir(), 'card-backend-with-'));
  await buildApp(appDirectory);
  const { entryPoints: _, ...options } = bundleOptions(appDirectory);
  const resolveDir = path.join(__dirname, '../../functions');
  await build({ ...options, stdin: { contents: `${source}\nimport './index';`, resolveDir, loader: 'ts' } });
  return appDirectory;
}
