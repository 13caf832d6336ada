/** Every fourth cell of those of `npm run faults` in which the token is unknown: then the most depends on others. */
import { requireEnvironment } from '../../test/harness/app';
import { cells as allCells, describeCell, type Outcome, runMatrix } from './matrix';
import { openStand } from './stand';

const LIMIT_MS = 10 * 60_000;

const cells = allCells.filter(({ state }) => state === 'unknown').filter((_, n) => n % 4 === 0);

let outcomes: readonly Outcome[];
beforeAll(async () => {
  const stand = await openStand(requireEnvironment('TEST_APP_DIRECTORY'), false);
  try {
    outcomes = await runMatrix(stand, cells);
  } finally {
    await stand.close();
  }
}, LIMIT_MS);

it.each(cells.map((cell) => [describeCell(cell), cell] as const))('%s', (_, cell) => {
  expect(outcomes.find((outcome) => outcome.cell === cell)?.result.complaints).toEqual([]);
});
