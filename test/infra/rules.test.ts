/** What the committed Bicep would deploy, in each scenario, keeps every rule. No Bicep is needed for that. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../../local/paths';
import { readDeployments } from './deployment';
import { parametersFile, valuesFile } from './files';
import { checkParameterValues } from './parameter-values';
import { rules } from './rules';

describe.each(readDeployments().map((deployment) => [deployment.scenario, deployment] as const))(
  '%s',
  (_, deployment) => {
    it.each(rules.map((rule) => [rule.name, rule] as const))('%s', (_name, rule) => {
      expect(rule.check(deployment)).toEqual([]);
    });
  },
);

describe('the parameters file', () => {
  const read = (file: string) => readFileSync(path.join(repositoryRoot, file), 'utf8');

  it('takes each value from its variable', () => {
    expect(checkParameterValues(read(valuesFile))).toEqual([]);
  });

  it('lets origins and mail address be absent, and nothing else', () => {
    const variables = [...read(parametersFile).matchAll(/readEnvironmentVariable\('(\w+)'(, '')?\)/g)];
    const optional = variables.filter(([, , fallback]) => fallback !== undefined).map(([, name]) => name);
    expect(optional).toEqual(['ALLOWED_ORIGINS', 'ALERT_EMAIL']);
  });
});
