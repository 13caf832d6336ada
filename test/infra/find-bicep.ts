/** Finds the Bicep CLI of the one version that this repository is checked with: `config.bicepVersion` in package.json. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { LocalError } from '../../local/local-error';
import { repositoryRoot } from '../../local/paths';

const executable = process.platform === 'win32' ? 'bicep.exe' : 'bicep';
const versionTimeoutMs = 20_000;

/** Thrown when this machine has no Bicep of that version. Its one sentence says which was found, and how to get it. */
export class BicepMissingError extends LocalError {}

export function bicepVersion(): string {
  const { config } = JSON.parse(readFileSync(path.join(repositoryRoot, 'package.json'), 'utf8'));
  return config.bicepVersion;
}

/** The command that runs Bicep. Another version is no match: it lints, formats and compiles differently. */
export function findBicep(): string {
  const wanted = bicepVersion();
  const isWanted = ({ version }: Installation) => version === wanted;
  const match = downloaded().find(isWanted) ?? installed().find(isWanted);
  if (match) return match.command;
  const others = [...downloaded(), ...installed()].map(({ command, version }) => `${command} is ${version}`);
  throw new BicepMissingError(
    `There is no Bicep ${wanted} here${others.length ? ` (${others.join(', ')})` : ''}. Get it by ` +
      `\`dotnet package download Azure.Bicep.CommandLine.${platform()}@${wanted} --output .tools\` ` +
      `or \`az bicep install --version v${wanted}\`.`,
  );
}

interface Installation {
  readonly command: string;
  readonly version: string;
}

/** As `dotnet package download` leaves it: the folder says the version. */
function downloaded(): Installation[] {
  return subfolders(path.join(repositoryRoot, '.tools'))
    .filter((folder) => path.basename(folder).startsWith('azure.bicep.commandline.'))
    .flatMap(subfolders)
    .map((folder) => ({ command: path.join(folder, 'tools', executable), version: path.basename(folder) }));
}

/** On the PATH, or as `az bicep install` leaves it. */
function installed(): Installation[] {
  return [executable, path.join(homedir(), '.azure', 'bin', executable)].flatMap((command) => {
    const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8', timeout: versionTimeoutMs });
    const version = /version (\S+)/.exec(stdout ?? '')?.[1];
    return version ? [{ command, version }] : [];
  });
}

function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => path.join(folder, name));
  } catch {
    return [];
  }
}

/** As in the names of the packages. */
function platform(): string {
  const system = { darwin: 'osx', win32: 'win' }[process.platform as string] ?? 'linux';
  return `${system}-${process.arch}`;
}
