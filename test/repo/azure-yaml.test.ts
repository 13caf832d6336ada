/** What `azd up` builds, and where it puts it, agree with the package and the Bicep. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { distDirectory, repositoryRoot } from '../../local/paths';

const read = (file: string) => readFileSync(path.join(repositoryRoot, file), 'utf8');
const { infra, services } = parse(read('azure.yaml'));

it('deploys one function app: the folder that npm run build makes, as it is', () => {
  const dist = path.relative(repositoryRoot, distDirectory);
  expect(services).toEqual({ api: { project: '.', dist, language: 'ts', host: 'function', remoteBuild: false } });
  // azd runs the script of this name, and only if there is one.
  expect(JSON.parse(read('package.json')).scripts.build).toContain('local/build.ts');
  // With one that names node_modules, azd refuses remoteBuild: false.
  expect(existsSync(path.join(repositoryRoot, '.funcignore'))).toBe(false);
});

it('finds its Bicep, and the Bicep carries the tags by which azd finds the app', () => {
  expect(infra.provider).toBe('bicep');
  const folder = path.join(repositoryRoot, infra.path);
  for (const ending of ['bicep', 'bicepparam'])
    expect(existsSync(path.join(folder, `${infra.module}.${ending}`))).toBe(true);
  const bicep = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.bicep'))
    .map((file) => readFileSync(path.join(folder, file), 'utf8'))
    .join('\n');
  const tagged = [...bicep.matchAll(/'azd-service-name':\s*'([^']+)'/g)].map(([, service]) => service);
  expect([...new Set(tagged)]).toEqual(Object.keys(services));
  expect(bicep).toContain("'azd-env-name': environmentName");
});
