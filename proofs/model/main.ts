/**
 * `npm run proofs -- model`: 30,000 random sequences of calls, faults and time against the real validator, or as many
 * as the first argument says; a second one is the seed of an earlier run. Ends with 1 and the shortest sequence that
 * fails.
 */
import fc from 'fast-check';
import { runCommand } from '../../local/command';
import { readNumber } from '../../test/harness/read-number';
import { keyProperties } from './key-properties';
import { sequenceProperties } from './properties';

const USAGE = 'npm run proofs -- model [sequences] [seed]';
const DEFAULT_SEQUENCES = 30_000;
/** Of each property of keys, for each sequence. */
const KEYS_PER_SEQUENCE = 0.1;

// Millions of errors are thrown on purpose, and to note where each came from takes a third of the time.
Error.stackTraceLimit = 0;

runCommand(async ({ finish }) => {
  const sequences = readNumber(process.argv[2], DEFAULT_SEQUENCES, USAGE);
  const seed = readNumber(process.argv[3], Math.floor(Math.random() * 2 ** 31), USAGE);
  console.log(`Seed ${seed}. Again: npm run proofs -- model ${sequences} ${seed}`);

  const tried = [
    ...sequenceProperties.map(({ share, ...rest }) => ({ ...rest, what: 'sequences', numRuns: sequences * share })),
    ...keyProperties.map((rest) => ({ ...rest, what: 'keys', numRuns: sequences * KEYS_PER_SEQUENCE })),
  ];
  let failures = 0;
  for (const { name, what, property, numRuns } of tried) {
    const startedAtMs = performance.now();
    const result = await fc.check<unknown>(property, { seed, numRuns: Math.ceil(numRuns) });
    const seconds = Math.round((performance.now() - startedAtMs) / 1000);
    if (result.failed) failures += 1;
    console.log(`${result.failed ? 'FAILS' : 'holds'}  ${name} (${result.numRuns} ${what}, ${seconds} s)`);
    if (result.failed) console.log(`${result.errorInstance}\n${fc.defaultReportMessage(result)}`);
  }
  console.log(failures === 0 ? `${sequences} sequences: all hold.` : `${failures} of ${tried.length} fail.`);
  finish(failures === 0 ? 0 : 1);
});
