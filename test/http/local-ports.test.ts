import { createServer } from 'node:http';
import net from 'node:net';
import { networkInterfaces } from 'node:os';
import { startAzurite } from '../../local/azurite';
import { createIdentityService } from '../../local/identity-service/create-identity-service';
import { isAzurite, listen } from '../../local/ports';
import { startApp } from '../harness/app';
import { closeAtEnd } from '../harness/close-at-end';
import { findFreePort } from '../harness/free-port';

it('tells Azurite from something else on its port, and from nothing', async () => {
  const azurite = closeAtEnd(await startAzurite({ port: await findFreePort() }));
  expect(await isAzurite(azurite.port)).toBe(true);
  await azurite.stop();
  expect(await isAzurite(azurite.port)).toBe(false);

  const other = closeAtEnd(createServer((_, response) => response.end('hello')));
  expect(await isAzurite(await listen(other, 0, 'a test', ''))).toBe(false);
});

describe('none but this machine reaches', () => {
  it.each<[string, () => Promise<{ port: number }>]>([
    ['the host', async () => (await startApp()).host],
    ['the identity emulator', async () => closeAtEnd(await createIdentityService({ port: 0 }))],
    ['Azurite', async () => closeAtEnd(await startAzurite({ port: await findFreePort() }))],
  ])('%s', async (_, start) => {
    const { port } = await start();
    expect(await accepts('127.0.0.1', port)).toBe(true);
    for (const address of otherAddresses()) expect([address, await accepts(address, port)]).toEqual([address, false]);
  });
});

/** On Linux all of 127.0.0.0/8 are this machine's addresses, also where there is no network. */
function otherAddresses(): string[] {
  const external = Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address),
  );
  return [...(process.platform === 'linux' ? ['127.0.0.2'] : []), ...external];
}

function accepts(address: string, port: number): Promise<boolean> {
  const socket = closeAtEnd(net.connect(port, address));
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  });
}
