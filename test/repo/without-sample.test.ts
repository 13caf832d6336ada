/** Deleting `functions/orders` and `test/orders` deletes the sample: what is left type-checks, lints and builds. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { repositoryRoot } from '../../local/paths';

const list = (...options: string[]) =>
  execFileSync('git', ['ls-files', '-z', ...options], { cwd: repositoryRoot, encoding: 'utf8' })
    .split('\0')
    .filter((file) => existsSync(path.join(repositoryRoot, file)) && file !== '');
const isSample = (file: string) => /^(functions|test)\/orders\//.test(file);
const files = list('--cached', '--others', '--exclude-standard').filter((file) => !isSample(file));

let copy: string;
beforeAll(() => {
  copy = mkdtempSync(path.join(tmpdir(), 'without-sample-'));
  for (const file of files) cpSync(path.join(repositoryRoot, file), path.join(copy, file));
  symlinkSync(path.join(repositoryRoot, 'node_modules'), path.join(copy, 'node_modules'), 'junction');
  execFileSync('git', ['init', '--quiet'], { cwd: copy }); // for Biome, which asks git what is ignored
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

function run(...args: string[]): string {
  try {
    return execFileSync(process.execPath, args, { cwd: copy, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${args.join(' ')}\n${stdout}${stderr}`);
  }
}

it('type-checks', () => {
  run('node_modules/typescript/bin/tsc', '--noEmit');
});

it('lints', () => {
  run('node_modules/@biomejs/biome/bin/biome', 'ci', '--error-on-warnings');
});

it('builds', () => {
  run('--import', 'tsx', 'local/build.ts');
  expect(readdirSync(path.join(copy, 'dist'))).toContain('app.js');
  expect(readFileSync(path.join(copy, 'dist/app.js'), 'utf8')).not.toContain('orders-create');
});

it('names the sample nowhere in its code, except in the demo', () => {
  const mayName = /^(local\/demo|test\/repo\/without-sample\.test)\.ts/;
  const code = files.filter(
    (file) => /^(functions|shared|local|test|infra)\/.*\.(ts|bicep)$/.test(file) && !mayName.test(file),
  );
  const naming = code.filter((file) =>
    /\/orders\b|'orders'|\borders-/.test(readFileSync(path.join(copy, file), 'utf8')),
  );
  expect(naming).toEqual([]);
});
