/** The design's directions: what may import what. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(__dirname, '../..');

/** Each source file with what it imports: repository paths without their ending, or package names. */
function readImports(...folders: string[]): { file: string; imports: string[] }[] {
  const files = folders.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
      path.posix.join(folder, name),
    ),
  );
  return files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => {
      const source = readFileSync(path.join(root, file), 'utf8');
      const specifiers = [...source.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
        ([, specifier = '']) => specifier,
      );
      const imports = specifiers.map((specifier) =>
        specifier.startsWith('.') ? path.posix.join(path.posix.dirname(file), specifier) : specifier,
      );
      return { file, imports };
    });
}

const sources = readImports('functions', 'shared');

function offenders(files: RegExp, mayNotImport: RegExp): string[] {
  const chosen = sources.filter(({ file }) => files.test(file));
  expect(chosen.length).toBeGreaterThan(0);
  return chosen.flatMap(({ file, imports }) =>
    imports.filter((name) => mayNotImport.test(name)).map((name) => `${file} → ${name}`),
  );
}

it.each<[string, RegExp, RegExp]>([
  ['functions import of shared only its front', /^functions\//, /^shared\/(auth|storage|config)/],
  ['nothing in shared imports functions', /^shared\//, /^functions\//],
  ['auth imports neither http nor storage', /^shared\/auth\//, /^shared\/(http|storage|services)/],
  ['storage imports neither http nor services', /^shared\/storage\//, /^shared\/(http|services)/],
  ['http imports neither storage nor services', /^shared\/http\//, /^shared\/(storage|services)/],
  ['of shared, only http/secured.ts imports @azure/functions', /^shared\/(?!http\/secured\.ts)/, /^@azure\/functions$/],
  ['only storage imports the Azure SDKs', /^(functions|shared\/(?!storage\/))/, /^@azure\/(data-tables|identity)$/],
  ['neither imports what is for local use or tests', /^(functions|shared)\//, /^(local|test|infra)\//],
])('%s', (_, files, mayNotImport) => {
  expect(offenders(files, mayNotImport)).toEqual([]);
});

it.each([
  ['process.env', 'shared/config.ts', /\bprocess\.env\b/],
  ['Date.now', 'shared/clock.ts', /\bDate\.now\b|new Date\(\)/],
])('only one file reads %s: %s', (_, only, pattern) => {
  const readers = sources
    .map(({ file }) => file)
    .filter((file) => pattern.test(readFileSync(path.join(root, file), 'utf8')));
  expect(readers).toEqual([only]);
});

describe('the app can be read in one sitting', () => {
  const count = (files: readonly string[]) =>
    files.reduce((total, file) => total + readFileSync(path.join(root, file), 'utf8').trimEnd().split('\n').length, 0);
  const files = sources.map(({ file }) => file);
  /** Each is a folder that can be deleted. */
  const features = new Set(files.filter((file) => /^functions\/.*\//.test(file)).map((file) => path.dirname(file)));

  it('is under 1,800 lines in all, comments included, without its providers and features', () => {
    const isCounted = (file: string) => !file.startsWith('shared/auth/providers/') && !features.has(path.dirname(file));
    expect(count(files.filter(isCounted))).toBeLessThan(1_800);
  });

  it('has no feature of 120 lines or more', () => {
    for (const folder of features)
      expect(count(files.filter((file) => path.dirname(file) === folder))).toBeLessThan(120);
  });
});
