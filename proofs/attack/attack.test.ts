/** A part of `npm run attack`: some of the junk and of the malformed requests, and all crashes. */
import { requireEnvironment } from '../../test/harness/app';
import { temporaryFolder } from '../../test/harness/temporary-folder';
import { findCanariesInLog } from './canaries';
import { buildCrashingApp, runCrashes } from './crash';
import { isAboutTime, runFloods } from './flood';
import { runFuzz } from './fuzz';
import { openStand, type Stand } from './stand';

const LIMIT_MS = 120_000;

const appDirectory = requireEnvironment('TEST_APP_DIRECTORY');
let stand: Stand;
const ends: (() => Promise<void>)[] = [];
beforeAll(async () => {
  stand = await openStand(appDirectory);
  ends.push(() => stand.close());
});
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

it(
  'a flood of junk makes 16 calls at a time, writes no row, forgets no good token',
  async () => {
    const { complaints } = await runFloods(stand, { junk: 500, known: 20, calm: 10 });
    expect(complaints.filter((complaint) => !isAboutTime(complaint))).toEqual([]);
  },
  LIMIT_MS,
);

it(
  'every malformed request gets the answer that it must get, and leaves nothing behind',
  async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const { complaints } = await runFuzz(stand, { count: 1_500, seed });
    expect({ seed, complaints }).toEqual({ seed, complaints: [] });
  },
  LIMIT_MS,
);

it('neither has the log tell of a token, a person or the secret', () => {
  expect(findCanariesInLog(stand)).toEqual([]);
});

it(
  'a crash does not tell of a token, a person or the secret',
  async () => {
    const folder = await temporaryFolder({ onStop: (end) => ends.push(end) });
    await buildCrashingApp(folder);
    expect(await runCrashes(stand, folder)).toEqual([]);
  },
  LIMIT_MS,
);
