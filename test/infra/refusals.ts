/** Parameters that must stop a deployment before anything is made, and what the template must say to them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Bicep } from './bicep';
import { mainFile } from './files';

interface Refusal {
  readonly parameter: string;
  /** As Bicep writes it. */
  readonly value: string;
  /** A part of the error, or the code of the compiler's. */
  readonly says: string;
}

const templateName = 'azuredeploy.json';

const goodValues = {
  environmentName: "'test'",
  location: "'westeurope'",
  identityBaseUrl: "'https://identity.example'",
  allowedCardIds: "'card-orders'",
};

const refusals: readonly Refusal[] = [
  { parameter: 'location', value: "'germanynorth'", says: 'Flex Consumption' },
  { parameter: 'identityBaseUrl', value: "'http://identity.example'", says: 'must be an https address' },
  { parameter: 'identityBaseUrl', value: "'https://'", says: 'must be an https address' },
  { parameter: 'allowedCardIds', value: "' , '", says: 'at least one card' },
  { parameter: 'allowedOrigins', value: "['*']", says: 'never *' },
  { parameter: 'allowedOrigins', value: "['https://*.example']", says: 'never *' },
  { parameter: 'allowedOrigins', value: "['https://cards.example/']", says: 'without a path' },
  { parameter: 'allowedOrigins', value: "['http://cards.example']", says: 'such as https://cards.example' },
  { parameter: 'alwaysReadyHttpInstances', value: '41', says: 'at most maximumInstanceCount' },
  { parameter: 'alertEmail', value: "'nobody'", says: 'must be a mail address' },
  { parameter: 'environmentName', value: "''", says: 'BCP333' },
  { parameter: 'nodeVersion', value: "'20'", says: 'BCP033' },
  { parameter: 'instanceMemoryMB', value: '1024', says: 'BCP033' },
  { parameter: 'maximumInstanceCount', value: '39', says: 'BCP328' },
  { parameter: 'maximumInstanceCount', value: '1001', says: 'BCP327' },
  { parameter: 'tokenCacheTtlSeconds', value: '1801', says: 'BCP327' },
  { parameter: 'tokenCacheTtlSeconds', value: '0', says: 'BCP328' },
  { parameter: 'identityTimeoutMs', value: '2501', says: 'BCP327' },
  { parameter: 'identityTimeoutMs', value: '99', says: 'BCP328' },
  { parameter: 'httpConcurrency', value: '0', says: 'BCP328' },
  { parameter: 'logDailyCapGb', value: '0', says: 'BCP328' },
];

/** Which of these parameters the template takes all the same, or refuses for another reason. */
export async function checkRefusals(bicep: Bicep, template: string): Promise<string[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'infra-refusals-'));
  try {
    // Of the compiled template: compiling the Bicep each time would take ten times as long.
    await writeFile(path.join(folder, templateName), template);
    return (await Promise.all(refusals.map((refusal, index) => check(bicep, folder, refusal, index)))).flat();
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function check(bicep: Bicep, folder: string, { parameter, value, says }: Refusal, index: number) {
  const values = Object.entries({ ...goodValues, [parameter]: value });
  const file = path.join(folder, `${index}.bicepparam`);
  await writeFile(file, [`using '${templateName}'`, ...values.map(([name, it]) => `param ${name} = ${it}`)].join('\n'));
  const answer = await errorOf(bicep, file);
  if (answer?.includes(says)) return [];
  const instead = answer ? `refused with: ${answer}` : 'taken';
  return [`${mainFile}: param ${parameter} = ${value} must be refused with "${says}" and is ${instead}`];
}

/** Undefined when a deployment with this file would begin. */
async function errorOf(bicep: Bicep, file: string): Promise<string | undefined> {
  const { text, diagnostics } = await bicep.compileParams(file);
  if (text === undefined) return diagnostics.map(({ code, message }) => `${code} ${message}`).join(' ');
  return bicep.snapshot(file).then(
    () => undefined,
    (error: Error) => error.message,
  );
}
