/** Builds `dist/`, the whole deployable app: `main.js`, the bundle `app.js`, `host.json` and a minimal `package.json`. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type BuildOptions, context } from 'esbuild';
import { functionsPlugin } from './functions-plugin';
import { LocalError } from './local-error';
import { distDirectory, repositoryRoot } from './paths';

/** Only a module that is loaded after source maps are enabled gets them, so a banner in the bundle would be too late. */
const main = "process.setSourceMapsEnabled(true);\nrequire('./app.js');\n";

/** An incremental build: `rebuild` writes the app again, in a fraction of the first build's time. */
export interface Builder {
  /**
   * Throws esbuild's `BuildFailure`, whose message names file, line and reason, or LocalError when there is no host.json;
   * the earlier bundle stays.
   */
  rebuild(): Promise<void>;
  dispose(): Promise<void>;
}

/** @param moreFunctions source that is built in as one more file of `functions/`: the tests' own functions */
export async function createBuilder(outDirectory: string = distDirectory, moreFunctions = ''): Promise<Builder> {
  await mkdir(outDirectory, { recursive: true });
  const bundle = await context(bundleOptions(outDirectory, moreFunctions));
  return {
    async rebuild() {
      await bundle.rebuild();
      await copyHostJson(outDirectory);
      await writeFile(path.join(outDirectory, 'main.js'), main);
      await writeFile(path.join(outDirectory, 'package.json'), await deployedPackage());
    },
    dispose: () => bundle.dispose(),
  };
}

/** Builds once; the parameters are those of `createBuilder`. */
export async function build(...parameters: Parameters<typeof createBuilder>): Promise<void> {
  const builder = await createBuilder(...parameters);
  try {
    await builder.rebuild();
  } finally {
    await builder.dispose();
  }
}

/** How the app is bundled. */
export function bundleOptions(outDirectory: string, moreFunctions = ''): BuildOptions {
  return {
    absWorkingDir: repositoryRoot,
    entryPoints: [{ in: 'all-functions', out: 'app' }],
    plugins: [functionsPlugin(path.join(repositoryRoot, 'functions'), moreFunctions)],
    outdir: outDirectory,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // The host's worker supplies this module at run time; an ES module could not import it, hence CommonJS.
    external: ['@azure/functions-core'],
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'silent',
  };
}

/** Without a host.json the real host would write one that downloads an extension bundle. */
async function copyHostJson(outDirectory: string): Promise<void> {
  try {
    await copyFile(path.join(repositoryRoot, 'host.json'), path.join(outDirectory, 'host.json'));
  } catch (error) {
    throw new LocalError(`host.json cannot be copied (${(error as NodeJS.ErrnoException).code}).`);
  }
}

async function deployedPackage(): Promise<string> {
  const { name, version, license, engines } = JSON.parse(
    await readFile(path.join(repositoryRoot, 'package.json'), 'utf8'),
  ) as Record<string, unknown>;
  return `${JSON.stringify({ name, version, license, private: true, main: 'main.js', engines }, null, 2)}\n`;
}

if (require.main === module) {
  build().catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
