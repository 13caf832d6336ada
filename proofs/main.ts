/** `npm run proofs -- <name> [options]`: runs one of the long-running proofs, in this process, so that it gets the signals. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

const names = readdirSync(__dirname).filter((name) => existsSync(path.join(__dirname, name, 'main.ts')));
const [name = ''] = process.argv.splice(2, 1); // the proof finds its own options where a command of its own would
if (names.includes(name)) {
  import(`./${name}/main.ts`);
} else {
  console.error(
    `There is no proof "${name}". Usage: npm run proofs -- <name> [options], with one of ${names.join(', ')}.`,
  );
  process.exitCode = 1;
}
