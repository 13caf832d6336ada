/** Where the Bicep, the scenarios and what is made of them are: paths in the repository, with forward slashes. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../../local/paths';

export const infraFolder = 'infra';
export const scenariosFolder = 'test/infra/scenarios';
export const mainFile = 'infra/main.bicep';
export const parametersFile = 'infra/main.bicepparam';
export const linterFile = 'infra/bicepconfig.json';
export const templateFile = 'infra/azuredeploy.json';
export const groupParametersFile = 'infra/resources.bicepparam';
/** The values that the parameters files make of the sample environment. */
export const valuesFile = 'test/infra/scenarios/main.parameters.json';
export const groupValuesFile = 'test/infra/scenarios/resources.parameters.json';

const snapshotEnding = '.snapshot.json';
export const snapshotFile = (scenario: string) => `${scenariosFolder}/${scenario}${snapshotEnding}`;
export const scenarioFile = (scenario: string) => `${scenariosFolder}/${scenario}.bicepparam`;

/** Each .bicepparam file of the scenarios' folder is one. */
export function scenarioNames(): string[] {
  return filesIn(scenariosFolder)
    .filter((file) => file.endsWith('.bicepparam'))
    .map((file) => path.basename(file, '.bicepparam'));
}

export function snapshotFiles(): string[] {
  return filesIn(scenariosFolder).filter((file) => file.endsWith(snapshotEnding));
}

/** All that Bicep compiles, whether something uses it or not. */
export function bicepFiles(): string[] {
  return [...filesIn(infraFolder), ...filesIn(scenariosFolder)].filter((file) => /\.bicep(param)?$/.test(file));
}

function filesIn(folder: string): string[] {
  return readdirSync(path.join(repositoryRoot, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => path.posix.join(folder, ...name.split(path.sep)))
    .sort();
}
