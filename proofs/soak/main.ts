/**
 * `npm run proofs -- soak --minutes 10`: two instances of the app under mixed requests for so long, while the identity
 * service and the storage fail in turn. Ends with 1 when an answer was wrong, or when memory or open files kept
 * growing. `--seed` makes the clients choose as in an earlier run.
 */
import { parseArgs } from 'node:util';
import { runCommand } from '../../local/command';
import { LocalError } from '../../local/local-error';
import { buildForCommand } from '../../test/harness/temporary-folder';
import { planFaults } from './fault-plan';
import { makeReport } from './report';
import { soak } from './soak';
import { openStand } from './stand';

const CLIENTS = 16;
const LIFE_SECONDS = [2, 12] as const;
const DEFAULT_MINUTES = '10';
/** A day. */
const MAX_MINUTES = 1_440;
const MAX_SEED = 2 ** 31;

runCommand(async (command) => {
  const { minutes, seed } = readArguments();
  const cards = Array.from({ length: CLIENTS }, (_, n) => `card-${n}`);
  const plan = planFaults(minutes);
  console.log(
    `${minutes} min, ${CLIENTS} clients. The same choices again: npm run proofs -- soak --minutes ${minutes} --seed ${seed}`,
    '\nAn error that no fault explains, or more than 15 s after one, counts as a wrong answer.',
  );

  const stand = await openStand(await buildForCommand(command), cards);
  command.onStop(() => stand.close());
  const { lines, failures, summary } = makeReport(
    minutes,
    await soak({ stand, cards, plan, lifeSeconds: LIFE_SECONDS, seed, log: console.log }),
  );
  const wrong = [...failures, ...stand.errors].map((line) => `WRONG: ${line}`);
  for (const line of [...lines, ...wrong, summary]) console.log(line);
  command.finish(wrong.length === 0 ? 0 : 1);
});

/** Throws LocalError. */
function readArguments(): { minutes: number; seed: number } {
  const options = { minutes: { type: 'string' }, seed: { type: 'string' } } as const;
  const { values } = parse(() => parseArgs({ options }));
  return {
    minutes: readNumber('minutes', values.minutes ?? DEFAULT_MINUTES, MAX_MINUTES),
    seed: readNumber('seed', values.seed ?? String(Math.ceil(Math.random() * MAX_SEED)), MAX_SEED),
  };
}

/** Node's own first sentence is a good one. */
function parse<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split('\n');
    throw new LocalError(`${sentence.replace(/\.?$/, '.')} Usage: npm run proofs -- soak [--minutes 10] [--seed 1]`);
  }
}

function readNumber(name: string, text: string, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= most) return value;
  throw new LocalError(`--${name} must be a whole number from 1 to ${most}, not "${text}".`);
}
