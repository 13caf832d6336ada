/** What infra/main.bicepparam must make of the sample environment. */
import { artefactEnvironment } from './artefacts';

const { AZURE_ENV_NAME, AZURE_LOCATION, IDENTITY_BASE_URL, ALLOWED_CARD_IDS, ALERT_EMAIL } = artefactEnvironment;

const expected: Readonly<Record<string, unknown>> = {
  environmentName: AZURE_ENV_NAME,
  location: AZURE_LOCATION,
  identityBaseUrl: IDENTITY_BASE_URL,
  allowedCardIds: ALLOWED_CARD_IDS,
  allowedOrigins: ['https://cards.example', 'https://stock.example'],
  alertEmail: ALERT_EMAIL,
};

/** @param text the values as Bicep writes them: `{ name: { value } }` */
export function checkParameterValues(text: string): string[] {
  const values: Record<string, { value: unknown }> = JSON.parse(text);
  const names = [...new Set([...Object.keys(expected), ...Object.keys(values)])];
  return names
    .filter((name) => JSON.stringify(values[name]?.value) !== JSON.stringify(expected[name]))
    .map((name) => `${name} is ${JSON.stringify(values[name]?.value)}`);
}
