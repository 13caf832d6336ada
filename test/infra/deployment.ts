/** The committed artefacts, read: what the rules and the tests look at, without Bicep. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../../local/paths';
import { scenarioNames, snapshotFile, templateFile } from './files';

/** A part of a template or of a resource. Not `unknown`: a rule that follows a wrong path fails, which is its purpose. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Json = any;

/** A resource as a deployment would make it. What is known only then stays an expression: `[reference(…)]`. */
export interface PredictedResource {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly apiVersion: string;
  readonly [property: string]: Json;
}

/** One scenario: the template, and what it comes to with the scenario's parameters. */
export interface Deployment {
  readonly scenario: string;
  /** The folder that holds `infra`: the repository, or a copy with a fault. Rules read files from it. */
  readonly root: string;
  /** `infra/azuredeploy.json`. Only it has `dependsOn` and `@options`. */
  readonly template: Json;
  readonly resources: readonly PredictedResource[];
  readonly outputs: Readonly<Record<string, Json>>;
}

/** All scenarios, of what was made of the Bicep below `root`: `textOf` gets the text of an artefact. */
export function toDeployments(root: string, textOf: (file: string) => string): Deployment[] {
  const template = JSON.parse(textOf(templateFile));
  return scenarioNames().map((scenario) => {
    const { resources, outputs } = JSON.parse(textOf(snapshotFile(scenario)));
    return { scenario, root, template, resources, outputs };
  });
}

export function readDeployments(): Deployment[] {
  return toDeployments(repositoryRoot, (file) => readFileSync(path.join(repositoryRoot, file), 'utf8'));
}
