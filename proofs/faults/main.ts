/**
 * `npm run proofs -- faults`: runs the fault matrix, and prints what the first request of each cell was answered, and
 * how many cells hold. With words, only the cells whose description has them: `npm run proofs -- faults 'redirect'`.
 */
import { runCommand } from '../../local/command';
import { LocalError } from '../../local/local-error';
import { buildForCommand } from '../../test/harness/temporary-folder';
import { checkLimits } from './limits';
import { cells, describeCell, type Outcome, runMatrix, stateNames } from './matrix';
import { openStand } from './stand';

const NAME_WIDTH = 42;
const CELL_WIDTH = 30;

runCommand(async (command) => {
  const startedAtMs = performance.now();
  const words = process.argv.slice(2).join(' ');
  const chosen = cells.filter((cell) => describeCell(cell).includes(words));
  if (chosen.length === 0) throw new LocalError(`No cell's description has "${words}".`);
  console.log(`${chosen.length} cells, several at a time. All ${cells.length} take a minute or two.`);

  const stand = await openStand(await buildForCommand(command), true);
  command.onStop(() => stand.close());
  const outcomes = await runMatrix(stand, chosen);
  const beyond = chosen.length === cells.length ? await checkLimits(stand) : [];

  for (const line of [...toTable(outcomes), '', ...toComplaints(outcomes), ...beyond]) console.log(line);
  const held = outcomes.filter(({ result }) => result.complaints.length === 0);
  const again = held.filter(({ earlierComplaints }) => earlierComplaints.length > 0).length;
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed();
  const note = again === 0 ? '' : `, ${again} of them after they were run again`;
  console.log(`${held.length} of ${outcomes.length} cells hold${note} (${seconds} s)`);
  command.finish(held.length === outcomes.length && beyond.length === 0 ? 0 : 1);
});

/** A line for each fault, under a header for each upstream. */
function toTable(outcomes: readonly Outcome[]): string[] {
  const lines = new Map<string, string>();
  const append = (key: string, start: string, column: string) =>
    lines.set(key, `${lines.get(key) ?? start.padEnd(NAME_WIDTH)}${column.padEnd(CELL_WIDTH)} `);
  for (const cell of cells) {
    const outcome = outcomes.find((one) => one.cell === cell);
    if (outcome === undefined) continue;
    const { upstream, name } = cell;
    const header = `${upstream}, the token is`;
    if (!lines.has(header)) for (const column of Object.values(stateNames)) append(header, header, column);
    append(`${upstream} ${name}`, `  ${name}`, describe(outcome));
  }
  return [...lines.values()].map((line) => line.trimEnd());
}

function describe({ result: { complaints, first, recoveryMs = 0 } }: Outcome): string {
  const holds = complaints.length === 0 ? '' : ' DOES NOT HOLD';
  if (first === undefined) return holds;
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(2)} s`;
  return `${first.status} in ${seconds(first.elapsedMs)}, recovery ${seconds(recoveryMs)}${holds}`;
}

function toComplaints(outcomes: readonly Outcome[]): string[] {
  return outcomes.flatMap(({ cell, result, earlierComplaints }) => [
    ...earlierComplaints.map((complaint) => `in an earlier run, ${describeCell(cell)}: ${complaint}`),
    ...result.complaints.map((complaint) => `DOES NOT HOLD, ${describeCell(cell)}: ${complaint}`),
  ]);
}
