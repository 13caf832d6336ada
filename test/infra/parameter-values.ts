/** What infra/main.bicepparam and infra/resources.bicepparam must make of the sample environment: the same. */
import { artefactEnvironment } from './artefacts';
import type { Json } from './deployment';
import { groupValuesFile, templateFile, valuesFile } from './files';

const { AZURE_ENV_NAME, AZURE_LOCATION, IDENTITY_BASE_URL, ALLOWED_CARD_IDS, ALERT_EMAIL } = artefactEnvironment;

const fromEnvironment: Values = {
  environmentName: AZURE_ENV_NAME,
  location: AZURE_LOCATION,
  identityBaseUrl: IDENTITY_BASE_URL,
  allowedCardIds: ALLOWED_CARD_IDS,
  allowedOrigins: ['https://cards.example', 'https://stock.example'],
  alertEmail: ALERT_EMAIL,
};

/** What only main.bicep has, or what resources.bicep has a default for as well. */
const NOT_IN_GROUP_FILE = ['resourceGroupName', 'tags', 'logDailyCapGb', 'privateNetwork', 'vaultPurgeProtection'];

type Values = Readonly<Record<string, unknown>>;

/** @param textOf gets the text of an artefact */
export function checkParameterValues(textOf: (file: string) => string): string[] {
  const group = valuesOf(textOf(groupValuesFile));
  const { parameters, ...rest } = JSON.parse(textOf(templateFile));
  const main = { ...defaultsOf(parameters), ...fromEnvironment };
  const expected = Object.fromEntries(Object.entries(main).filter(([name]) => !NOT_IN_GROUP_FILE.includes(name)));
  const { api, scale, ...others } = group as Record<string, object>;
  const defaults = defaultsOf(rest.resources.resources.properties.template.parameters);
  return [
    ...compare('main.bicepparam', valuesOf(textOf(valuesFile)), fromEnvironment),
    ...compare('resources.bicepparam', { ...api, ...scale, ...others }, expected),
    ...compare(
      'the defaults of resources.bicep',
      defaults,
      Object.fromEntries(Object.keys(defaults).map((name) => [name, defaultsOf(parameters)[name]])),
    ),
  ];
}

/** @param text as Bicep writes them: `{ name: { value } }` */
function valuesOf(text: string): Values {
  const values: Record<string, { value: unknown }> = JSON.parse(text);
  return Object.fromEntries(Object.entries(values).map(([name, { value }]) => [name, value]));
}

function defaultsOf(parameters: Record<string, Json>): Values {
  const given = Object.entries(parameters).filter(([, { defaultValue }]) => defaultValue !== undefined);
  return Object.fromEntries(given.map(([name, { defaultValue }]) => [name, defaultValue]));
}

function compare(what: string, values: Values, expected: Values): string[] {
  const names = [...new Set([...Object.keys(expected), ...Object.keys(values)])];
  return names
    .filter((name) => JSON.stringify(values[name]) !== JSON.stringify(expected[name]))
    .map((name) => `${what}: ${name} is ${JSON.stringify(values[name])}, not ${JSON.stringify(expected[name])}`);
}
