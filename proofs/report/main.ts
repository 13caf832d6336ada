/**
 * `npm run proofs -- report`: runs each proof of what the app promises under faults, floods and attack, one after another
 * and in its full size, and prints the last line of each: its figures. About half an hour. With names, only these.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { runCommand } from '../../local/command';
import { LocalError } from '../../local/local-error';
import { repositoryRoot } from '../../local/paths';

/** Name of the proof, and the promise that its figures are about. */
const proofs: Readonly<Record<string, string>> = {
  faults: 'whatever the identity service or the storage does, nothing wrong is believed or remembered',
  attack:
    'junk neither costs others much nor is ever believed, and malformed requests get the answer that is documented',
  crash: 'no acknowledged note is lost or doubled when a host or the storage goes down, or a client repeats',
  model: 'in no sequence of calls, faults and time does a caller get another’s identity, or one beyond its bound',
  soak: 'it goes on so for ten minutes, in the same memory',
};

interface Figures {
  readonly name: string;
  readonly line: string;
  readonly holds: boolean;
}

runCommand(async ({ finish }) => {
  const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(proofs);
  const unknown = chosen.find((name) => !Object.hasOwn(proofs, name));
  if (unknown) throw new LocalError(`There is no proof "${unknown}": there are ${Object.keys(proofs).join(', ')}.`);

  const report: Figures[] = [];
  for (const name of chosen) report.push(await prove(name));

  console.log('\nReport');
  for (const { name, line, holds } of report) {
    console.log(`\n${name}: ${proofs[name]}\n  ${holds ? 'holds' : 'DOES NOT HOLD'}: ${line}`);
  }
  finish(report.every(({ holds }) => holds) ? 0 : 1);
});

/** Shows what the command prints, and keeps the last of it. */
async function prove(name: string): Promise<Figures> {
  console.log(`\n== npm run proofs -- ${name}`);
  const child = spawn(process.execPath, ['--import', 'tsx', `proofs/${name}/main.ts`], {
    cwd: repositoryRoot,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'], // the channel ends it with this process
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  let line = 'no figures';
  for await (const text of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    console.log(text);
    if (text !== '') line = text;
  }
  return { name, line, holds: (await ended) === 0 };
}
