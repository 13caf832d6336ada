/** What must not be in the repository: secrets, machines, and addresses of package registries. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(__dirname, '../..');
const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

it('has no settings of a person, no build and no data', () => {
  expect(tracked.filter((file) => /^(local\.settings\.json|dist\/|node_modules\/|\.azurite\/)/.test(file))).toEqual([]);
  const ignored = ['local.settings.json', 'dist/main.js', '.azurite/x', 'node_modules/x'];
  expect(
    execFileSync('git', ['check-ignore', ...ignored], { cwd: root, encoding: 'utf8' })
      .trim()
      .split('\n'),
  ).toEqual(ignored);
});

it('locks versions, and names no registry', () => {
  const lock = read('package-lock.json');
  expect(lock).not.toMatch(/"resolved": "\w+:/); // a workspace resolves to its folder
  const { dependencies, devDependencies } = JSON.parse(read('package.json'));
  for (const version of Object.values({ ...dependencies, ...devDependencies }))
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
});

it('locks the packages of every platform, without which npm ci refuses the lock file', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };
  const wanted = Object.values(packages).flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies));
  const locked = Object.keys(packages).map((key) => key.split('node_modules/').at(-1));
  expect(wanted).toContain('@biomejs/cli-darwin-arm64');
  expect(wanted.filter((name) => !locked.includes(name))).toEqual([]);
});

it('locks the content of each package, also of those for other platforms', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { integrity?: string; link?: boolean }>;
  };
  const installed = Object.entries(packages).filter(([key, { link }]) => /(^|\/)node_modules\//.test(key) && !link);
  expect(installed.length).toBeGreaterThan(100);
  const isLocked = (integrity = '') => /^sha512-[\w+/]{86}==$/.test(integrity);
  expect(installed.filter(([, { integrity }]) => !isLocked(integrity)).map(([key]) => key)).toEqual([]);
});

it('has no test that fails on a slow machine: how long things take is for the rigs to judge', () => {
  const tests = tracked.filter((file) => file.endsWith('.test.ts') && file !== 'test/repo/files.test.ts');
  const judgesTime = /(performance\.now|hrtime|[eE]lapsedMs|durationMs|cpuUsage).*\.toBeLess/;
  expect(tests.filter((file) => judgesTime.test(read(file)))).toEqual([]);
});

it('downloads no extension bundle', () => {
  expect(JSON.parse(read('host.json'))).toMatchObject({ version: '2.0' });
  expect(read('host.json')).not.toContain('extensionBundle');
  expect(tracked).not.toContain('.funcignore');
});
