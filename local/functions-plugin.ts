// The build finds `functions/*.ts` and `functions/*/index.ts` by itself: there is no list to edit.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * Resolves the entry point `all-functions`. It is computed at each rebuild, so a new file is in the next build.
 * @param moreFunctions TypeScript that stands in no file, built in as if it were one of `directory`
 */
export function functionsPlugin(directory: string, moreFunctions: string): Plugin {
  return {
    name: 'functions',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^(all|more)-functions$/ }, ({ path }) => ({ path: `${path}.ts`, namespace: 'functions' }));
      onLoad({ filter: /^all-/, namespace: 'functions' }, () => ({
        contents: [...findFunctions(directory), 'more-functions'].map((file) => `import '${file}';`).join('\n'),
        resolveDir: directory,
      }));
      onLoad({ filter: /^more-/, namespace: 'functions' }, () => ({
        contents: moreFunctions,
        loader: 'ts',
        resolveDir: directory,
      }));
    },
  };
}

/** In the order of their names, so that the same sources give the same bundle. Hidden files are those of editors. */
function findFunctions(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .flatMap((entry) => {
      if (!entry.isDirectory()) return /(?<!\.d)\.ts$/.test(entry.name) ? [`./${entry.name}`] : [];
      return existsSync(path.join(directory, entry.name, 'index.ts')) ? [`./${entry.name}/index.ts`] : [];
    })
    .sort();
}
