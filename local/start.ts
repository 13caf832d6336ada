/** `npm start`: Azurite, the stand-in identity service and the embedded host on the app, rebuilt and reloaded as it changes. */
import { functionList, tryIt } from './banner';
import { runCommand } from './command';
import { startLiveReload } from './live-reload';
import { distDirectory } from './paths';
import { startStack } from './stack';

const log = console.log;

runCommand(async (command) => {
  const [{ port, env, cors, services, builder }, { createHost }] = await Promise.all([
    startStack(command, { azurite: 'table', log }),
    import('./functions-host/src/create-host'),
  ]);
  const host = await createHost({ appDirectory: distDirectory, env, port, ...(cors && { cors }), log });
  command.onStop(() => host.close());

  const liveReload = startLiveReload({ rebuild: () => builder.rebuild(), reload: () => host.reload(), log });
  command.onStop(async () => liveReload.close());

  log(functionList(host.functions));
  for (const address of [`Host              ${host.url}`, ...services.addresses]) log(address);
  const card = env['ALLOWED_CARD_IDS']?.split(',')[0]?.trim();
  if (services.identityUrl && card) log(`\nTry it:\n  ${tryIt(host.url, services.identityUrl, card)}`);
  log('\nWatching functions, shared and host.json. Ctrl-C stops everything.\n');
});
