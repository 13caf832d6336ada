import { createServer } from 'node:http';
import { startAzurite } from '../../local/azurite';
import { isAzurite, listen } from '../../local/ports';
import { findFreePort } from '../harness/free-port';

it('tells Azurite from something else on its port, and from nothing', async () => {
  const azurite = await startAzurite({ port: await findFreePort() });
  expect(await isAzurite(azurite.port)).toBe(true);
  await azurite.stop();
  expect(await isAzurite(azurite.port)).toBe(false);

  const other = createServer((_, response) => response.end('hello'));
  expect(await isAzurite(await listen(other, 0, 'a test', ''))).toBe(false);
  other.closeAllConnections();
  await new Promise((resolve) => other.close(resolve));
});
