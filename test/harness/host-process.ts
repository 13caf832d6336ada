/** A process that serves the app in the folder it is told. Prints the host's address, then each line of its log. */
import { runCommand } from '../../local/command';
import { createHost } from '../../local/functions-host/src/create-host';

runCommand(async ({ onStop }) => {
  const [, , appDirectory = '', port = '0'] = process.argv;
  const lines: string[] = [];
  let log = (line: string): void => {
    lines.push(line);
  };
  const host = await createHost({ appDirectory, env: process.env, port: Number(port), log: (line) => log(line) });
  onStop(() => host.close());
  log = console.log;
  for (const line of [host.url, ...lines]) log(line);
});
