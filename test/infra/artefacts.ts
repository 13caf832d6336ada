/** What is made of the Bicep and committed, so that a review shows what a change would deploy. */
import path from 'node:path';
import type { Bicep, Diagnostic } from './bicep';
import {
  bicepFiles,
  groupParametersFile,
  groupValuesFile,
  mainFile,
  parametersFile,
  scenarioFile,
  scenarioNames,
  snapshotFile,
  templateFile,
  valuesFile,
} from './files';

/** What the parameters files read; over the shell's own, so that the artefacts come out the same everywhere. */
export const artefactEnvironment: NodeJS.ProcessEnv = {
  ...process.env,
  AZURE_ENV_NAME: 'sample',
  AZURE_LOCATION: 'westeurope',
  IDENTITY_BASE_URL: 'https://identity.example',
  ALLOWED_CARD_IDS: 'card-orders,card-stock',
  // A space and a comma too many, as people write them.
  ALLOWED_ORIGINS: 'https://cards.example, https://stock.example,',
  ALERT_EMAIL: 'on-call@cards.example',
};

export interface Outcome {
  /** All that Bicep has to say, warnings too: `file(line,column): code message`. */
  readonly problems: readonly string[];
  /** The text of each artefact by its file. Undefined when an error stands in the way. */
  readonly artefacts?: ReadonlyMap<string, string>;
}

/** Compiles all Bicep below `root`: the repository's own, or a copy of it with a fault. */
export async function makeArtefacts(bicep: Bicep, root: string): Promise<Outcome> {
  const files = await filesToCompile(bicep, root);
  const compilations = await Promise.all(files.map((file) => compile(bicep, root, file)));
  const problems = causes(compilations.flatMap(({ diagnostics }) => diagnostics)).map((it) => describe(it, root));
  const texts = new Map(compilations.map(({ file, text }) => [file, text]));
  const [template, parameters, groupParameters] = [mainFile, parametersFile, groupParametersFile].map((file) =>
    texts.get(file),
  );
  if (!template || !parameters || !groupParameters || compilations.some(({ text }) => !text)) {
    return { problems: [...new Set(problems)] };
  }

  const predictions = await Promise.all(scenarioNames().map((scenario) => predict(bicep, root, scenario)));
  problems.push(...predictions.flatMap(({ errors }) => errors));
  const snapshots = predictions.flatMap(({ scenario, text }) =>
    text ? [[snapshotFile(scenario), text] as const] : [],
  );
  const artefacts = new Map([
    [templateFile, template],
    [valuesFile, toStableJson(JSON.parse(parameters).parameters)],
    [groupValuesFile, toStableJson(JSON.parse(groupParameters).parameters)],
    ...snapshots,
  ]);
  return { problems: [...new Set(problems)], ...(snapshots.length === predictions.length && { artefacts }) };
}

/** Not those that the main one uses: its diagnostics are also theirs. */
async function filesToCompile(bicep: Bicep, root: string): Promise<string[]> {
  const used = new Set(await bicep.references(path.join(root, mainFile)));
  return bicepFiles().filter((file) => file === mainFile || !used.has(path.join(root, file)));
}

/** Without what follows from an error elsewhere: a file that uses one with errors says so, and doubts all that it got. */
function causes(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const affected = new Set(diagnostics.filter(({ code }) => code === 'BCP104').map(({ source }) => source));
  return diagnostics.filter(({ source }) => !affected.has(source));
}

async function compile(bicep: Bicep, root: string, file: string) {
  const method = file.endsWith('.bicep') ? bicep.compile : bicep.compileParams;
  return { file, ...(await method(path.join(root, file))) };
}

/** Sorted by id, since Bicep lists the resources in no order. */
async function predict(bicep: Bicep, root: string, scenario: string) {
  const file = scenarioFile(scenario);
  try {
    const { predictedResources, outputs, diagnostics } = await bicep.snapshot(path.join(root, file));
    const resources = predictedResources.toSorted((a, b) => compareText(a.id, b.id));
    const errors = diagnostics.map((diagnostic) => `${file}: ${JSON.stringify(diagnostic)}`);
    return { scenario, text: toStableJson({ resources, outputs }), errors };
  } catch (error) {
    return { scenario, errors: [`${file}: ${(error as Error).message}`] };
  }
}

function toStableJson(value: unknown): string {
  return `${JSON.stringify(value, sortKeys, 2)}\n`;
}

/** A replacer for JSON.stringify. */
function sortKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => compareText(a, b)));
}

/** Not by locale: everyone's artefacts are the same. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function describe({ source, range, code, message }: Diagnostic, root: string): string {
  const file = path.relative(root, source).replaceAll(path.sep, '/');
  return `${file}(${range.start.line + 1},${range.start.char + 1}): ${code} ${message}`;
}
