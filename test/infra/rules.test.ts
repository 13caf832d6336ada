/** What the committed Bicep would deploy, in each scenario, keeps every rule. No Bicep is needed for that. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../../local/paths';
import { readDeployments } from './deployment';
import { groupParametersFile, parametersFile } from './files';
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

describe('the parameters files', () => {
  const read = (file: string) => readFileSync(path.join(repositoryRoot, file), 'utf8');

  it('take each value from its variable, and both make the same of them', () => {
    expect(checkParameterValues(read)).toEqual([]);
  });

  it.each([parametersFile, groupParametersFile])(
    '%s lets origins and mail address be absent, and nothing else',
    (file) => {
      const variables = [...read(file).matchAll(/readEnvironmentVariable\('(\w+)'(, '')?\)/g)];
      const optional = variables.filter(([, , fallback]) => fallback !== undefined).map(([, name]) => name);
      expect(optional).toEqual(['ALLOWED_ORIGINS', 'ALERT_EMAIL']);
    },
  );
});
