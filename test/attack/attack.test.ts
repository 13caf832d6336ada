/** A part of `npm run attack`: a twentieth of the floods and of the malformed requests, and all crashes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { requireEnvironment } from '../harness/app';
import { findCanariesInLog } from './canaries';
import { buildCrashingApp, runCrashes } from './crash';
import { runFloods } from './flood';
import { runFuzz } from './fuzz';
import { openStand, type Stand } from './stand';

const LIMIT_MS = 120_000;

const appDirectory = requireEnvironment('TEST_APP_DIRECTORY');
let stand: Stand;
beforeAll(async () => {
  stand = await openStand(appDirectory);
});
afterAll(() => stand.close());

it(
  'a flood of junk makes 16 calls at a time, writes no row, forgets no good token and does not keep new users out',
  async () => {
    expect((await runFloods(stand, { junk: 500, known: 20, calm: 10 })).complaints).toEqual([]);
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
    const folder = await mkdtemp(path.join(tmpdir(), 'card-backend-crash-'));
    try {
      await buildCrashingApp(appDirectory, folder);
      expect(await runCrashes(stand, folder)).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  LIMIT_MS,
);
