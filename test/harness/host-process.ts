/** A process that serves the app in the folder it is told, and prints the host's address as its only line. */
import { runCommand } from '../../local/command';
import { createHost } from '../../local/host/create-host';

runCommand(async ({ onStop }) => {
  const [, , appDirectory = ''] = process.argv;
  const host = await createHost({ appDirectory, env: process.env, port: 0, log: () => {} });
  onStop(() => host.close());
  console.log(host.url);
});
