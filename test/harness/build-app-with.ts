/** Builds the app with one more source file, as if someone had added it to `functions/`. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from '../../local/build';

/**
 * @param source TypeScript, whose relative imports start in `functions/`: `import '../test/harness/notes'` adds a file
 * @returns the folder of the built app; the caller removes it
 */
export async function buildAppWith(source: string): Promise<string> {
  const appDirectory = await mkdtemp(path.join(tmpdir(), 'card-backend-with-'));
  await build(appDirectory, source);
  return appDirectory;
}

/** Builds the app of the tests and the rigs: with `/api/notes`, a business function that is not deployed. */
export function buildTestApp(outDirectory: string): Promise<void> {
  return build(outDirectory, "import '../test/harness/notes';");
}
