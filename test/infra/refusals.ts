/** Parameters that must stop a deployment before anything is made, and what the template must say to them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Bicep } from './bicep';
import type { Json } from './deployment';
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
  ...refused('location', 'Flex Consumption', ["'germanynorth'", "'mars'"]),
  ...refused(
    'identityBaseUrl',
    'must be an https address',
    [
      '',
      'http://identity.example',
      'https://',
      'https:/x/identity.example',
      'https:///identity.example',
      'https://identity .example',
      'https://user:password@identity.example',
      'https://identity.example?x=1',
      'https://identity.example/?x=1',
      'https://identity.example/#x',
      'https://identity.example:port',
      'https://identity.example:123456',
      'https://identity\\\\example',
      'https://<your service>',
    ].map((url) => `'${url}'`),
  ),
  ...refused('allowedCardIds', 'at least one card', [
    "''",
    "' , '",
    "'card orders'",
    '\'"card-orders"\'',
    '\'["card-orders"]\'',
    "'card-orders;card-visits'",
    "'*'",
    "'@Microsoft.KeyVault(x)'",
  ]),
  ...refused(
    'allowedOrigins',
    'as browsers send them',
    [
      '*',
      'https://*.example',
      'https://cards.example/',
      'http://cards.example',
      'http://localhost',
      'http://localhost:',
      'http://localhost:abc',
      'http://127.0.0.1:5173',
      'https://',
      'https://Cards.example',
      'https://cards.example:443',
      'https://cards.example:1:2',
      'https://user@cards.example',
      'https://cards.example?x=1',
      'https://cards .example',
      'https://b\u00fccher.example',
      'null',
    ].map((origin) => `['${origin}']`),
  ),
  ...refused('environmentName', 'must not end with a dot', ["'dev.'", "'my env'", "'x%y'", "' '"]),
  ...refused('resourceGroupName', 'must not end with a dot', ["'rg.'", "'a b'"]),
  ...refused('alertEmail', 'must be one mail address', [
    "'nobody'",
    "'@'",
    "'a@'",
    "'a@x,b@x'",
    "'a,b@x'",
    "'a b@x'",
    "'A <a@x>'",
    "'a@b@c'",
  ]),
  ...refused('alwaysReadyHttpInstances', 'at most maximumInstanceCount', ['41']),
  ...refused('environmentName', 'BCP333', ["''"]),
  ...refused('nodeVersion', 'BCP033', ["'20'"]),
  ...refused('instanceMemoryMB', 'BCP033', ['1024']),
  ...refused('maximumInstanceCount', 'BCP328', ['39']),
  ...refused('maximumInstanceCount', 'BCP327', ['1001']),
  ...refused('tokenCacheTtlSeconds', 'BCP328', ['0']),
  ...refused('tokenCacheTtlSeconds', 'BCP327', ['1801']),
  ...refused('identityTimeoutMs', 'BCP328', ['99']),
  ...refused('identityTimeoutMs', 'BCP327', ['2501']),
  ...refused('httpConcurrency', 'BCP328', ['0']),
  ...refused('logDailyCapGb', 'BCP328', ['0']),
];

function refused(parameter: string, says: string, values: readonly string[]): Refusal[] {
  return values.map((value) => ({ parameter, value, says }));
}

/** Which of these parameters the template takes all the same, or refuses for another reason. */
export async function checkRefusals(bicep: Bicep, template: string): Promise<string[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'infra-refusals-'));
  try {
    // Of the compiled template: compiling the Bicep each time would take ten times as long.
    await writeFile(path.join(folder, templateName), JSON.stringify(withoutModules(JSON.parse(template))));
    return (await Promise.all(refusals.map((refusal, index) => check(bicep, folder, refusal, index)))).flat();
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Variables are evaluated whether something uses them or not, and what refuses is one. The rest only takes time. */
function withoutModules(template: Json): Json {
  const { resources } = template.resources;
  const inner = resources.properties.template;
  const own = Object.entries<Json>(inner.resources).filter(
    ([, { type }]) => type !== 'Microsoft.Resources/deployments',
  );
  const properties = {
    ...resources.properties,
    template: { ...inner, resources: Object.fromEntries(own), outputs: {} },
  };
  return { ...template, resources: { ...template.resources, resources: { ...resources, properties } }, outputs: {} };
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
