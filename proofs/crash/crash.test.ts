/** A small part of `npm run proofs -- crash`: one or two rounds of each storm. */
import { requireEnvironment } from '../../test/harness/app';
import { temporaryFolder } from '../../test/harness/temporary-folder';
import { audit } from './audit';
import { startDurableAzurite } from './durable-azurite';
import { killHost, stopHost } from './host-ends';
import { stopWithHungRequests } from './hung-requests';
import { loseAnswers, race } from './lost-answers';
import { planRounds } from './rounds';
import { slowDown } from './slow-storage';
import { openStand, type Stand } from './stand';
import { killStorage } from './storage-kills';

jest.setTimeout(60_000);

const seed = Math.floor(Math.random() * 2 ** 31);

let stand: Stand;
const ends: (() => Promise<void>)[] = [];
let hung: ReturnType<typeof stopWithHungRequests>;
beforeAll(async () => {
  stand = await open(requireEnvironment('TEST_STORAGE'));
  hung = stopWithHungRequests(stand); // takes 10 s, in which the others run
  hung.catch(() => {}); // its own test tells
});
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

it('loses and doubles no note when a host is killed', async () => {
  for (const round of planRounds('kill', 2, seed)) await killHost(stand, round);
  expect(await audit(stand)).toEqual([]);
});

it('answers whatever it has begun when a host is stopped', async () => {
  const slow = await slowDown(requireEnvironment('TEST_STORAGE'));
  ends.push(() => slow.close());
  const slowStand = await open(slow.connectionString);
  for (const round of planRounds('stop', 1, seed)) {
    const { inFlight, findings } = await stopHost(slowStand, round);
    expect([...findings, ...(await audit(slowStand))]).toEqual([]);
    expect(inFlight).toBeGreaterThan(0);
  }
});

it('makes one note of concurrent repeats at two hosts, whether or not the first answer was lost', async () => {
  await loseAnswers(stand, 5);
  await race(stand, 5);
  expect(await audit(stand)).toEqual([]);
});

it('loses and doubles no note when the storage is killed, and says 503 until it is back', async () => {
  const storage = await startDurableAzurite(await temporaryFolder({ onStop: (end) => ends.push(end) }));
  ends.push(() => storage.close());
  const otherStand = await open(storage.connectionString);
  for (const round of planRounds('kill of the storage', 1, seed)) {
    const { inFlight, findings } = await killStorage(otherStand, storage, round);
    expect([...findings, ...(await audit(otherStand))]).toEqual([]);
    expect(inFlight).toBeGreaterThan(0);
  }
});

it('stops, answers a request that goes on, and is kept by none that does not', async () => {
  expect((await hung).findings).toEqual([]);
});

async function open(storage: string): Promise<Stand> {
  const opened = await openStand(requireEnvironment('TEST_APP_DIRECTORY'), storage);
  ends.push(() => opened.close());
  return opened;
}
