/**
 * `npm run proofs -- attack`: floods an instance with junk tokens, sends it 20,000 malformed requests, and crashes
 * others. Prints how long good users wait, how often each answer came, and what did not hold. Arguments: how many
 * requests, with half as many junk tokens, and the seed of an earlier run.
 */
import { runCommand } from '../../local/command';
import { growthOf } from '../../test/harness/footprint';
import { readNumber } from '../../test/harness/read-number';
import { buildForCommand } from '../../test/harness/temporary-folder';
import { findCanariesInLog } from './canaries';
import { buildCrashingApp, runCrashes } from './crash';
import { type Flooded, type FloodResult, runFloods } from './flood';
import { type FuzzResult, runFuzz } from './fuzz';
import { openStand } from './stand';

const USAGE = 'npm run proofs -- attack [requests] [seed]';
const DEFAULT_REQUESTS = 20_000;

runCommand(async (command) => {
  const startedAtMs = performance.now();
  const count = readNumber(process.argv[2], DEFAULT_REQUESTS, USAGE);
  const seed = readNumber(process.argv[3], Math.floor(Math.random() * 2 ** 31), USAGE);
  const junk = 2 * Math.ceil(count / 8);
  console.log(`Seed ${seed}. Again: npm run proofs -- attack ${count} ${seed}`);

  const appDirectory = await buildForCommand(command);
  const crashingDirectory = await buildForCommand(command, buildCrashingApp);
  const stand = await openStand(appDirectory);
  command.onStop(() => stand.close());

  let failures = 0;
  const report = (complaints: readonly string[]) => {
    for (const complaint of new Set(complaints)) console.log(`DOES NOT HOLD: ${complaint}`);
    failures += complaints.length;
  };
  const floods = await runFloods(stand, { junk, known: 50, calm: 20 });
  for (const flood of floods.floods) console.log(describeFlood(flood));
  report(floods.complaints);
  const fuzz = await runFuzz(stand, { count, seed });
  console.log(`${grouped(count)} malformed requests, in part followed by others, were answered:\n${toTable(fuzz)}`);
  report(fuzz.complaints);
  console.log('Functions that know their user, token and secret fail, and crash five processes.');
  report(await runCrashes(stand, crashingDirectory));
  report(findCanariesInLog(stand));

  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed();
  console.log(`${summarizeFloods(floods)}; ${summarizeFuzz(fuzz, count)} (${seconds} s)`);
  command.finish(failures === 0 ? 0 : 1);
});

function describeFlood({ sort, junk, latencyMs, callsAtATime, callsInVain, before, during, ratio }: Flooded): string {
  const [calm, flooded] = [before, during].map(
    ({ medianMs, maxMs }) => `${medianMs.toFixed()} ms, at most ${maxMs.toFixed()}`,
  );
  return [
    `${grouped(junk)} tokens of junk (${sort.name}), the identity service at ${latencyMs} ms:`,
    `  ${callsAtATime} calls at a time at most, the users' own among them, ${callsInVain} in vain; ${during.served} of ${during.count} new users served`,
    `  a new user waits ${flooded}; without the junk ${calm}: ${ratio.toFixed(1)} x`,
  ].join('\n');
}

function toTable({ answers, unfinished }: FuzzResult): string {
  const rows = [...answers].sort(([one], [other]) => one.localeCompare(other));
  const lines = rows.map(([answer, count]) => `  ${answer.padEnd(28)}${String(count).padStart(7)}`);
  return [...lines, `  ${'left, waiting for more'.padEnd(28)}${String(unfinished).padStart(7)}`].join('\n');
}

function summarizeFloods({ floods, rows }: FloodResult): string {
  const calls = Math.max(...floods.map(({ callsAtATime }) => callsAtATime));
  const tokens = floods.reduce((total, { junk }) => total + junk, 0);
  const waits = floods.map(({ sort, latencyMs, ratio, during: { served, count } }) => {
    const some = served === count ? '' : `, ${served} of ${count} served`;
    return `${ratio.toFixed(1)} x (${sort.name}, ${latencyMs} ms${some})`;
  });
  return `${grouped(tokens)} junk tokens: ${calls} calls at a time at most, ${rows} rows, a new user waits ${waits.join(', ')}`;
}

function summarizeFuzz({ wrongAnswers, footprints }: FuzzResult, count: number): string {
  const { percent } = growthOf(footprints);
  const memory = `memory ${percent < 0 ? '' : '+'}${percent.toFixed()} %`;
  return `${grouped(count)} malformed requests: ${wrongAnswers} unexpected answers, ${memory}`;
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
