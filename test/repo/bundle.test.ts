/** What is deployed: a bundle, with nothing in it or loaded by it that need not be. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { build, type Metafile } from 'esbuild';
import { bundleOptions } from '../../local/build';
import { requireEnvironment } from '../harness/app';

const appDirectory = requireEnvironment('TEST_APP_DIRECTORY');
/** As esbuild names it: the virtual file that imports each function. */
const entry = 'functions:all-functions.ts';
let metafile: Metafile;
beforeAll(async () => {
  ({ metafile } = await build({ ...bundleOptions(appDirectory), write: false, metafile: true }));
});

it('is all that dist holds, next to host.json, a main.js that loads it, and a package.json that names that', () => {
  expect(readdirSync(appDirectory).sort()).toEqual(['app.js', 'app.js.map', 'host.json', 'main.js', 'package.json']);
  const manifest = JSON.parse(readFileSync(path.join(appDirectory, 'package.json'), 'utf8'));
  expect(manifest.main).toBe('main.js');
  expect(manifest.dependencies).toBeUndefined();
});

it('needs nothing at run time but Node and the host', () => {
  const external = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map((edge) => edge.path));
  const notNode = new Set(external.filter((name) => !require('node:module').isBuiltin(name)));
  expect([...notNode]).toEqual(['@azure/functions-core']);
});

it('holds no code of the tests or the local stack', () => {
  expect(Object.keys(metafile.inputs).filter((file) => /^(test|local)\//.test(file))).toEqual([]);
});

it('loads no Azure SDK at start, and with it no package for proxies', () => {
  const loaded = staticClosure(entry);
  expect(loaded).toContain('shared/storage/table-client.ts');
  const ofSdk = /node_modules\/(@azure\/(?!functions)|@typespec|https?-proxy-agent|agent-base)/;
  expect(loaded.filter((file) => ofSdk.test(file))).toEqual([]);
});

it('loads no credential with a connection string', () => {
  const loaded = [...staticClosure(entry), ...staticClosure('shared/storage/sdk.ts')];
  expect(loaded.filter((file) => /node_modules\/@azure\/(identity|msal)/.test(file))).toEqual([]);
});

it('stays within 2.5 MB', () => {
  expect(statSync(path.join(appDirectory, 'app.js')).size).toBeLessThan(2_500_000);
});

/** What evaluating a file evaluates: all that it imports, save through `import()`. */
function staticClosure(entry: string): string[] {
  const seen = new Set([entry]);
  for (const file of seen) {
    for (const edge of metafile.inputs[file]?.imports ?? []) {
      if (edge.kind !== 'dynamic-import' && !edge.external) seen.add(edge.path);
    }
  }
  return [...seen];
}
