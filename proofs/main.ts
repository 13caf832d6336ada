/** `npm run proofs -- <name> [options]`: runs one of the long-running proofs. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { repositoryRoot } from '../local/paths';

const [name = '', ...options] = process.argv.slice(2);
const { status } = spawnSync(process.execPath, ['--import', 'tsx', path.join('proofs', name, 'main.ts'), ...options], {
  cwd: repositoryRoot,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
