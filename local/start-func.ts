/** `npm run start:func`: the same stack under the real host, `func start` of Azure Functions Core Tools. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { runCommand } from './command';
import { startLiveReload } from './live-reload';
import { LocalError } from './local-error';
import { repositoryRoot } from './paths';
import { startStack } from './stack';

/** How long func may take to end in good order before it is killed. */
const stopTimeoutMs = 5000;

runCommand(async (command) => {
  const executable = findOnPath('func');
  if (!executable) {
    throw new LocalError(
      'Azure Functions Core Tools ("func") are not installed: see https://aka.ms/azure-functions-core-tools, or use "npm start", which needs none.',
    );
  }
  const { port, builder } = await startStack(command, { azurite: 'all', log: console.log });
  // func reloads by itself: each build writes dist/host.json, and the host watches files of that name.
  const liveReload = startLiveReload({ rebuild: () => builder.rebuild(), log: console.log });
  command.onStop(async () => liveReload.close());

  // func reads local.settings.json itself. A .cmd file, which npm installs on Windows, runs in a shell only.
  const func = spawn(executable.endsWith('.cmd') ? `"${executable}"` : executable, ['start', '--port', String(port)], {
    cwd: repositoryRoot,
    stdio: 'inherit',
    shell: executable.endsWith('.cmd'),
  });
  const ended = once(func, 'close');
  command.onStop(async () => {
    func.kill('SIGTERM');
    const kill = setTimeout(() => func.kill('SIGKILL'), stopTimeoutMs);
    await ended;
    clearTimeout(kill);
  });
  const [code, signal] = await ended;
  command.fail(new LocalError(`func ended (${signal ?? `exit code ${code}`}).`));
});

/** The path of an executable, as the shell would find it. */
function findOnPath(name: string): string | undefined {
  const extensions = process.platform === 'win32' ? ['.exe', '.cmd'] : [''];
  const directories = (process.env['PATH'] ?? '').split(path.delimiter).filter(Boolean);
  return directories
    .flatMap((directory) => extensions.map((extension) => path.join(directory, name + extension)))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
