/** `npm run infra:build`: formats the Bicep files and writes what is made of them. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runCommand } from '../../local/command';
import { LocalError } from '../../local/local-error';
import { repositoryRoot } from '../../local/paths';
import { artefactEnvironment, makeArtefacts } from './artefacts';
import { openBicep } from './bicep';
import { bicepFiles } from './files';

runCommand(async ({ onStop, finish }) => {
  const bicep = openBicep(artefactEnvironment);
  onStop(() => bicep.close());

  for (const file of bicepFiles()) writeIfChanged(file, await bicep.format(path.join(repositoryRoot, file)));
  const { problems, artefacts } = await makeArtefacts(bicep, repositoryRoot);
  if (!artefacts) throw new LocalError(problems.join('\n'));
  for (const [file, text] of artefacts) writeIfChanged(file, text);
  finish(0);
});

function writeIfChanged(file: string, text: string): void {
  const absolute = path.join(repositoryRoot, file);
  if (textOrNothing(absolute) === text) return;
  writeFileSync(absolute, text);
  console.log(file);
}

function textOrNothing(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
