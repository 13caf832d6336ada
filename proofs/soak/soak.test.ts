/** A quarter of a minute of `npm run proofs -- soak`: memory takes longer to tell, but every other check is the same. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { requireEnvironment } from '../../test/harness/app';
import type { FaultPlan } from './fault-plan';
import { makeReport, type Report } from './report';
import { type SoakResult, soak } from './soak';
import { openStand, type Stand } from './stand';
import { checks } from './tally';

const CARDS = Array.from({ length: 8 }, (_, n) => `card-${n}`);
/** Both fail for a while together, and in the last seconds all must be well again. */
const PLAN: FaultPlan = {
  durationMs: 16_000,
  faultMs: 3_000,
  recoveryMs: 8_000,
  identity: [{ atMs: 2_000, fault: { kind: 'status', status: 500 } }],
  storage: [{ atMs: 3_000, fault: 'cut' }],
};

describe('a short run', () => {
  let stand: Stand;
  let result: SoakResult;
  let report: Report;
  const progress: string[] = [];
  beforeAll(async () => {
    stand = await openStand(requireEnvironment('TEST_APP_DIRECTORY'), CARDS);
    const log = (line: string) => progress.push(line);
    result = await soak({ stand, cards: CARDS, plan: PLAN, lifeSeconds: [1, 4], seed: 1, log });
    report = makeReport(1, result);
  }, 60_000);
  afterAll(() => stand?.close());

  it('has no wrong answer', () => {
    // A late answer may be the fault of a busy machine: `npm run proofs -- soak` judges the times.
    const { wrong, examples } = result.tally;
    expect([...wrong.keys()].filter((check) => check !== 'late')).toEqual([]);
    expect([...examples.filter((example) => !example.startsWith(checks.late)), ...stand.errors]).toEqual([]);
  });

  it('asked everything, and met both faults', () => {
    const kinds = [
      "another's note asked for",
      'answered 503',
      'body refused',
      'note placed',
      'note read',
      'note repeated',
      'notes listed',
      'token refused',
      'whoami, from identity-service',
      'whoami, from memory',
      'whoami, from table',
    ];
    expect([...result.tally.times.keys()].sort()).toEqual(kinds);
    const outcomes = ['401 invalid_token', '503 identity_unavailable', '503 storage_unavailable'];
    expect([...result.tally.outcomes.keys()]).toEqual(expect.arrayContaining(outcomes));
    expect(progress).toEqual([
      expect.stringMatching(/^ {3}2 s {2}\d+ requests, \d+ wrong answers; the identity service fails: status 500$/),
      expect.stringMatching(/^ {3}3 s {2}\d+ requests, \d+ wrong answers; the storage fails: cut$/),
    ]);
  });

  it('reports times, errors, each check, and what each host takes of the machine', () => {
    const firsts = report.lines.map((line) => line.split(/ {2,}/)[0]);
    const hosts = ['host 1', 'host 2'].flatMap((host) => [`${host}, resident memory`, `${host}, open descriptors`]);
    expect(firsts).toEqual(expect.arrayContaining([...result.tally.times.keys(), ...Object.values(checks), ...hosts]));
    expect(report.summary).toMatch(
      /^1 minute, 2 hosts: [\d,]+ requests, \d+ wrong answers, p99 of a memory hit [\d.,]+ ms, memory [+-].+, descriptors .+$/,
    );
  });
});

it.each(['--minutes ten', '--minutes 0', '--seed -1', '--hours 1', '10'])(
  'says what is wrong with: %s',
  async (words) => {
    const command = ['--import', 'tsx', 'proofs/soak/main.ts', ...words.split(' ')];
    const failed = await promisify(execFile)(process.execPath, command).catch((error: object) => error);
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect((failed as { stderr: string }).stderr).toMatch(/^[^\n]*(--minutes|--seed)[^\n]*\n$/);
  },
);
