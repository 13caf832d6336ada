/** The whole of the fault matrix, as `npm run faults` runs it. */
import { requireEnvironment } from '../harness/app';
import { cells, describeCell, type Outcome, runMatrix } from './matrix';
import { openStand } from './stand';

const LIMIT_MS = 10 * 60_000;

let outcomes: readonly Outcome[];
beforeAll(async () => {
  const stand = await openStand(requireEnvironment('TEST_APP_DIRECTORY'));
  try {
    outcomes = await runMatrix(stand, cells);
  } finally {
    await stand.close();
  }
}, LIMIT_MS);

it.each(cells.map((cell) => [describeCell(cell), cell] as const))('%s', (_, cell) => {
  expect(outcomes.find((outcome) => outcome.cell === cell)?.result.complaints).toEqual([]);
});
