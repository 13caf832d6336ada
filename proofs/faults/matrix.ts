/** The fault matrix: each fault of an upstream, and some of both at once, crossed with each state of the token. */
import { type Cell, type CellResult, runCell, tokenStates } from './cell';
import { identityFaults } from './identity-faults';
import type { Backend, Stand } from './stand';
import { tableFaults } from './table-faults';

export const stateNames = {
  unknown: 'unknown',
  memory: 'in memory',
  table: "in another instance's row",
} as const;

/**
 * At once, what differs in kind. Not that both hang: the budget then runs out at the very moment at which the second
 * attempt does, and either may be seen first. `limits.ts` holds what is certain of it.
 */
const pairs = [
  ...cross(['refuses', '500', '404', '401'], ['refuses', 'hangs']),
  ...cross(['hangs before the header'], ['refuses']),
];

export const cells: readonly Cell[] = [
  ...identityFaults.map((fault) => ({ upstream: 'identity service', name: fault.name, identityFault: fault }) as const),
  ...tableFaults.map((fault) => ({ upstream: 'Table Storage', name: fault.name, tableFault: fault }) as const),
  ...pairs,
].flatMap((one) => tokenStates.map((state) => ({ ...one, state })));

function cross(identityNames: readonly string[], tableNames: readonly string[]): Omit<Cell, 'state'>[] {
  return named(identityFaults, identityNames).flatMap((identityFault) =>
    named(tableFaults, tableNames).map((tableFault) => {
      const name = `${identityFault.name}, table ${tableFault.name}`;
      return { upstream: 'both', name, identityFault, tableFault };
    }),
  );
}

function named<T extends { readonly name: string }>(faults: readonly T[], names: readonly string[]): T[] {
  return faults.filter(({ name }) => names.includes(name));
}

export function describeCell({ upstream, name, state }: Cell): string {
  return `${upstream}: ${name}, token ${stateNames[state]}`;
}

export interface Outcome {
  readonly cell: Cell;
  readonly result: CellResult;
  /** Of the first run. */
  readonly earlierComplaints: readonly string[];
}

const notRun: CellResult = { complaints: ['was not run'], isExcusable: true };

/** Runs the cells, many at a time; and those that do not hold then again, few at a time, unless that has no excuse. */
export async function runMatrix(stand: Stand, chosen: readonly Cell[]): Promise<Outcome[]> {
  const first = await runCells(stand, chosen, { atATime: 16, replaceBackends: false });
  const rest = chosen.filter((cell) => {
    const { complaints, isExcusable } = first.get(cell) ?? notRun;
    return complaints.length > 0 && isExcusable;
  });
  const second = await runCells(stand, rest, { atATime: 4, replaceBackends: true });
  return chosen.map((cell) => ({
    cell,
    result: second.get(cell) ?? first.get(cell) ?? notRun,
    earlierComplaints: second.has(cell) ? (first.get(cell)?.complaints ?? []) : [],
  }));
}

/**
 * Each worker has a backend, which is of no use any more after a cell that does not hold: who knows what is left of it.
 * To load another disturbs the cells that run meanwhile, so where they are many the others do the rest.
 */
async function runCells(
  stand: Stand,
  chosen: readonly Cell[],
  { atATime, replaceBackends }: { atATime: number; replaceBackends: boolean },
): Promise<Map<Cell, CellResult>> {
  const results = new Map<Cell, CellResult>();
  // Mixed, so that faults of one kind, which wait or compute alike, do not all come at the same time.
  const waiting = Array.from({ length: atATime }, (_, start) => chosen.filter((_, n) => n % atATime === start)).flat();
  async function work(first: Backend): Promise<void> {
    let backend: Backend | undefined = first;
    while (backend !== undefined) {
      const cell = waiting.shift();
      const result = cell && (await tryCell(backend, cell));
      if (cell && result) results.set(cell, result);
      if (result?.complaints.length === 0) continue;
      await backend.close();
      backend = waiting.length > 0 && replaceBackends ? await stand.openBackend() : undefined;
    }
  }
  const backends: Backend[] = [];
  while (backends.length < Math.min(atATime, chosen.length)) backends.push(await stand.openBackend());
  await Promise.all(backends.map(work));
  return results;
}

/** What is thrown is a complaint, too. */
async function tryCell(backend: Backend, cell: Cell): Promise<CellResult> {
  try {
    return await runCell(backend, cell);
  } catch (error) {
    return { complaints: [(error as Error).stack ?? String(error)], isExcusable: true };
  }
}
