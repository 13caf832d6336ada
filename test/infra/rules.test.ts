/** What the committed Bicep would deploy, in each scenario, keeps every rule. No Bicep is needed for that. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../../local/paths';
import { artefactEnvironment } from './artefacts';
import { readDeployments } from './deployment';
import { parametersFile, valuesFile } from './files';
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
    const values: Record<string, { value: unknown }> = JSON.parse(read(valuesFile));
    expect(values).toEqual({
      environmentName: { value: artefactEnvironment['AZURE_ENV_NAME'] },
      location: { value: artefactEnvironment['AZURE_LOCATION'] },
      identityBaseUrl: { value: artefactEnvironment['IDENTITY_BASE_URL'] },
      allowedCardIds: { value: artefactEnvironment['ALLOWED_CARD_IDS'] },
      allowedOrigins: { value: ['https://cards.example', 'https://stock.example'] },
      alertEmail: { value: artefactEnvironment['ALERT_EMAIL'] },
    });
  });

  it('lets origins and mail address be absent, and nothing else', () => {
    const variables = [...read(parametersFile).matchAll(/readEnvironmentVariable\('(\w+)'(, '')?\)/g)];
    const optional = variables.filter(([, , fallback]) => fallback !== undefined).map(([, name]) => name);
    expect(optional).toEqual(['ALLOWED_ORIGINS', 'ALERT_EMAIL']);
  });
});
