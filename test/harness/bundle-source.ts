import { build } from 'esbuild';
import { bundleOptions } from '../../local/build';

/** Bundles TypeScript that stands in no file, as the app is bundled, to `main.js` in `outDirectory`. */
export async function bundleSource(contents: string, resolveDir: string, outDirectory: string): Promise<void> {
  const { entryPoints: _, plugins: __, outdir: ___, ...options } = bundleOptions(outDirectory);
  await build({
    ...options,
    stdin: { contents, resolveDir, sourcefile: 'app.ts', loader: 'ts' },
    outfile: `${outDirectory}/main.js`,
  });
}
