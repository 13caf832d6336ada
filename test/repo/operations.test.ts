/** What docs/operations.md names exists: files, alerts, log events, variables, the template behind the button. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../../local/paths';
import { readDeployments } from '../infra/deployment';

const read = (file: string) => readFileSync(path.join(repositoryRoot, file), 'utf8');
const operations = read('docs/operations.md');
const section = (title: string) => operations.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
/** The names in the first column of the section's tables. */
const firstColumn = (text: string) =>
  [...text.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );

it('names only files that exist', () => {
  const named = [...operations.matchAll(/`((?:infra|test|docs|\.github)\/[\w./-]*\w)`/g)].map(([, file = '']) => file);
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((file) => !existsSync(path.join(repositoryRoot, file)))).toEqual([]);
});

it('says of every alert what to do, and of no other', () => {
  const alerts = readDeployments().map(({ resources }) =>
    resources.filter(({ type }) => /Alerts|QueryRules/.test(type)).map(({ name }) => name.replace(/^func-\w+-/, '')),
  );
  const [described] = [firstColumn(section('Logs and alerts')).filter((name) => name?.includes('-'))];
  for (const names of alerts) expect(described?.toSorted()).toEqual(names.toSorted());
});

it('lists every event that the app logs, and no other', () => {
  const sources = ['functions', 'shared'].flatMap((folder) =>
    readdirSync(path.join(repositoryRoot, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => read(path.join(folder, file))),
  );
  const code = sources.join('\n');
  const plain = [...code.matchAll(/\blog\(\s*(?:'\w+'|level), '(\w+)'/g)].map(([, event]) => event);
  const guards = [...code.matchAll(/createGuard\('(\w+)'/g)].map(([, operation]) => `${operation}_failed`);
  const listed = firstColumn(section('Logs and alerts')).filter((name) => name?.includes('_'));
  expect(listed.filter((name) => name !== '…_recovered').sort()).toEqual([...new Set([...plain, ...guards])].sort());
});

it('names the variables that the parameters file reads', () => {
  const asked = [...read('infra/main.bicepparam').matchAll(/readEnvironmentVariable\('(\w+)'/g)].map(
    ([, name]) => name,
  );
  for (const name of asked) expect(section('Deploy')).toContain(`\`${name}\``);
  const set = [...section('Deploy').matchAll(/azd env set (\w+)/g)].map(([, name]) => name);
  expect([...set, 'AZURE_ENV_NAME'].sort()).toEqual(asked.sort());
});

it('has a button that opens the template in the portal, for a subscription', () => {
  const [, uri = ''] = /#create\/Microsoft\.Template\/uri\/([^)]+)\)/.exec(operations) ?? [];
  expect(new URL(decodeURIComponent(uri)).pathname).toBe('/OWNER/REPOSITORY/main/infra/azuredeploy.json');
  expect(JSON.parse(read('infra/azuredeploy.json')).$schema).toContain('subscriptionDeploymentTemplate');
});
