/**
 * `npm run proofs -- infra`: are the checks any good? Puts each fault of `mutations.ts` into a copy of the Bicep and
 * says what notices: the compiler, the snapshots, or a rule. A fault that neither compiler nor rule notices is an
 * error.
 */
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { runCommand } from '../../local/command';
import { LocalError } from '../../local/local-error';
import { repositoryRoot } from '../../local/paths';
import { artefactEnvironment, makeArtefacts, type Outcome } from '../../test/infra/artefacts';
import { type Bicep, openBicep } from '../../test/infra/bicep';
import { toDeployments } from '../../test/infra/deployment';
import { infraFolder, mainFile, scenariosFolder, templateFile } from '../../test/infra/files';
import { checkParameterValues } from '../../test/infra/parameter-values';
import { checkRefusals } from '../../test/infra/refusals';
import { rules } from '../../test/infra/rules';
import { type Mutation, mutations } from './mutations';

/** Each takes some 400 MB. */
const mostServers = 4;

interface Verdict {
  readonly name: string;
  readonly compiler: boolean;
  readonly snapshot: boolean;
  /** The names of those that notice. */
  readonly rules: readonly string[];
}

runCommand(async ({ onStop, finish }) => {
  // One process computes on one processor.
  const servers = Array.from({ length: Math.min(availableParallelism(), mostServers) }, () =>
    openBicep(artefactEnvironment),
  );
  for (const server of servers) onStop(() => server.close());
  const [bicep] = servers as [Bicep];

  const misfits = mutations.flatMap((mutation) =>
    misfit(mutation, readFileSync(path.join(repositoryRoot, mutation.file), 'utf8')),
  );
  if (misfits.length > 0) throw new LocalError(misfits.join('\n'));
  const sound = await makeArtefacts(bicep, repositoryRoot);
  const broken = (await breaches(bicep, repositoryRoot, sound, mainFile)).map(({ rule, what }) => `${rule}: ${what}`);
  const complaints = [...sound.problems, ...broken];
  if (complaints.length > 0) throw new LocalError(`Even without a fault:\n${complaints.join('\n')}`);

  const sources = await listSources(bicep);
  const width = Math.max(...mutations.map(({ name }) => name.length));
  const verdicts: Verdict[] = [];
  const waiting = [...mutations];
  while (waiting.length > 0) {
    const batch = servers.flatMap((server) =>
      waiting.splice(0, 1).map((mutation) => judge(server, mutation, sources, sound)),
    );
    for (const verdict of await Promise.all(batch)) {
      console.log(describe(verdict, width));
      verdicts.push(verdict);
    }
  }
  console.log(`\n${summarize(verdicts)}`);
  finish(verdicts.every(isCaught) ? 0 : 1);
});

/** All that Bicep reads, from the repository's root: what it loads may be outside of the infra folder. */
async function listSources(bicep: Bicep): Promise<string[]> {
  const read = await bicep.references(path.join(repositoryRoot, mainFile));
  const outside = read.map((file) => path.relative(repositoryRoot, file)).filter((file) => !isIn(infraFolder, file));
  return [infraFolder, scenariosFolder, ...outside];
}

function isIn(folder: string, file: string): boolean {
  return file.startsWith(folder + path.sep);
}

async function judge(bicep: Bicep, mutation: Mutation, sources: readonly string[], sound: Outcome): Promise<Verdict> {
  const root = await mkdtemp(path.join(tmpdir(), 'infra-mutation-'));
  try {
    for (const file of sources) await cp(path.join(repositoryRoot, file), path.join(root, file), { recursive: true });
    const mutated = path.join(root, mutation.file);
    await writeFile(mutated, applyTo(await readFile(mutated, 'utf8'), mutation));
    const outcome = await makeArtefacts(bicep, root);
    return {
      name: mutation.name,
      compiler: outcome.problems.length > 0,
      snapshot: hasDrifted(outcome, sound),
      rules: [...new Set((await breaches(bicep, root, outcome, mutation.file)).map(({ rule }) => rule))],
    };
  } finally {
    await rm(root, { recursive: true });
  }
}

/** Why it is unclear where the fault belongs. */
function misfit({ name, file, find, nth }: Mutation, text: string): string[] {
  const count = text.split(find).length - 1;
  if (nth === undefined ? count === 1 : nth <= count) return [];
  return [`The mutation "${name}" does not fit: ${file} has its text ${count} times.`];
}

function applyTo(text: string, { find, replace, nth = 1 }: Mutation): string {
  const parts = text.split(find);
  return parts.slice(0, nth).join(find) + replace + parts.slice(nth).join(find);
}

/** The compiled template is not compared: it differs with whatever is edited. */
function hasDrifted({ artefacts }: Outcome, sound: Outcome): boolean {
  return [...(artefacts ?? [])].some(([file, text]) => file !== templateFile && text !== sound.artefacts?.get(file));
}

interface Breach {
  /** `refusals.ts` and `parameter-values.ts` count as one each, too. */
  readonly rule: string;
  readonly what: string;
}

/** @param file with the fault: below `modules` and `queries` nothing decides about parameters. */
async function breaches(bicep: Bicep, root: string, { artefacts }: Outcome, file: string): Promise<Breach[]> {
  if (!artefacts) return [];
  const textOf = (file: string) => artefacts.get(file) ?? '';
  const deployments = toDeployments(root, textOf);
  const broken = rules.flatMap((rule) =>
    deployments.flatMap((deployment) => rule.check(deployment).map((what) => ({ rule: rule.name, what }))),
  );
  const decides = !/\/(modules|queries)\//.test(file);
  const accepted = decides ? await checkRefusals(bicep, textOf(templateFile)) : [];
  const wrong = checkParameterValues(textOf);
  return [
    ...broken,
    ...accepted.map((what) => ({ rule: 'bad parameters are refused', what })),
    ...wrong.map((what) => ({ rule: 'the parameters files make the same of the environment', what })),
  ];
}

/** A snapshot that has changed is not enough: whoever rebuilds it without a look would not see the fault. */
function isCaught(verdict: Verdict): boolean {
  return verdict.compiler || verdict.rules.length > 0;
}

function describe(verdict: Verdict, width: number): string {
  const by = [
    verdict.compiler && 'compiler',
    verdict.snapshot && 'snapshot',
    verdict.rules.length && `rule ${verdict.rules.join(', ')}`,
  ];
  return `${verdict.name.padEnd(width)}  ${by.filter(Boolean).join(' · ') || 'NOT CAUGHT'}`;
}

function summarize(verdicts: readonly Verdict[]): string {
  const count = (test: (verdict: Verdict) => boolean) => verdicts.filter(test).length;
  return (
    `${count(isCaught)} of ${verdicts.length} faults caught (${count(({ compiler }) => compiler)} by the compiler, ` +
    `${count((verdict) => verdict.rules.length > 0)} by a rule; ${count(({ snapshot }) => snapshot)} show in the snapshot).`
  );
}
