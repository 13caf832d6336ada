/** SECURITY.md says of each threat which test shows that it is met. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../../local/paths';

const security = readFileSync(path.join(repositoryRoot, '.github/SECURITY.md'), 'utf8');

it('names a test that exists for every threat', () => {
  const [, , ...threats] = security.split('\n').filter((line) => line.startsWith('|'));
  expect(threats.length).toBeGreaterThan(8);
  for (const threat of threats) {
    const named = [...threat.matchAll(/`((?:test|proofs|local)\/[\w/.-]+\.ts)`/g)].map(([, file = '']) => file);
    expect(named).not.toEqual([]);
    expect(named.filter((file) => !existsSync(path.join(repositoryRoot, file)))).toEqual([]);
  }
});

it('names only settings that there are', () => {
  const named = [...security.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, name]) => name);
  const config = readFileSync(path.join(repositoryRoot, 'shared/config.ts'), 'utf8');
  expect(named).not.toEqual([]);
  expect(named.filter((name) => !config.includes(`'${name}'`))).toEqual([]);
});
