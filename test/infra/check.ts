/**
 * `npm run infra:check`: Bicep has nothing to say about any file, each is formatted, bad parameters are refused, and the
 * committed artefacts are what a rebuild makes. Without Bicep it says so and checks nothing; with `--require` that is an
 * error.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { runCommand } from '../../local/command';
import { repositoryRoot } from '../../local/paths';
import { artefactEnvironment, makeArtefacts, type Outcome } from './artefacts';
import { type Bicep, openBicep } from './bicep';
import { bicepFiles, linterFile, snapshotFiles, templateFile } from './files';
import { BicepMissingError, bicepVersion } from './find-bicep';
import { checkLinterRules } from './linter-rules';
import { checkRefusals } from './refusals';

runCommand(async ({ onStop, finish }) => {
  const bicep = openOrExplain(process.argv.includes('--require'));
  if (!bicep) return finish(0);
  onStop(() => bicep.close());

  const outcome = await makeArtefacts(bicep, repositoryRoot);
  const problems = [
    ...outcome.problems,
    ...compareArtefacts(outcome),
    ...(await checkFormat(bicep)),
    ...(outcome.artefacts ? await checkRefusals(bicep, outcome.artefacts.get(templateFile) ?? '') : []),
    ...checkLinterRules(read(linterFile) ?? '{}').map((problem) => `${linterFile}: ${problem}`),
  ];
  for (const problem of problems) console.error(problem);
  if (problems.length === 0) {
    console.log(
      `Bicep ${bicepVersion()}: ${bicepFiles().length} files compile without a remark and are formatted; ` +
        `the artefacts are what a rebuild makes (${(performance.now() / 1000).toFixed(1)} s).`,
    );
  }
  finish(problems.length === 0 ? 0 : 1);
});

function openOrExplain(required: boolean): Bicep | undefined {
  try {
    return openBicep(artefactEnvironment);
  } catch (error) {
    if (required || !(error instanceof BicepMissingError)) throw error;
    console.log(`infra is not checked. ${error.message}`);
    return undefined;
  }
}

function compareArtefacts({ artefacts }: Outcome): string[] {
  if (!artefacts) return [];
  const stale = [...artefacts].flatMap(([file, text]) => {
    const committed = read(file);
    if (committed === text) return [];
    return [`${file}(${firstDifference(committed, text)}): differs from a rebuild: npm run infra:build`];
  });
  const orphans = snapshotFiles().filter((file) => !artefacts.has(file));
  return [...stale, ...orphans.map((file) => `${file}: there is no scenario of this name`)];
}

async function checkFormat(bicep: Bicep): Promise<string[]> {
  const checks = bicepFiles().map(async (file) => {
    const [text, formatted] = [read(file), await bicep.format(path.join(repositoryRoot, file))];
    return text === formatted
      ? []
      : [`${file}(${firstDifference(text, formatted)}): is not formatted: npm run infra:build`];
  });
  return (await Promise.all(checks)).flat();
}

/** As `line,column`. Of a template's hash, the cause is further down. */
function firstDifference(a = '', b: string): string {
  const [these, those] = [a.split('\n'), b.split('\n')];
  const line = those.findIndex((text, index) => text !== these[index] && !text.includes('"templateHash"'));
  return `${(line < 0 ? those.length : line) + 1},1`;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(path.join(repositoryRoot, file), 'utf8');
  } catch {
    return undefined;
  }
}
