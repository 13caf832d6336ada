/** What a host process holds on to, measured in itself after a full collection of garbage. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Instance } from './instance';

export interface Footprint {
  /** Of live objects. */
  readonly heapBytes: number;
  /** Of the whole process, resident. */
  readonly residentBytes: number;
  /** Open connections, at either end. */
  readonly sockets: number;
}

const MARK = 'footprint ';
const POLL_MS = 5;
const LIMIT_MS = 10_000;
const SETTLE_MS = 300;
const NEGLIGIBLE_BYTES = 50_000;

/**
 * What the process does on SIGUSR2. It collects twice: what is freed at first may hold what is freed only then. And it
 * has no source maps: they are read when the first stack is, whenever that is, and take as much as all the rest.
 */
const report = `
process.setSourceMapsEnabled = () => {};
process.on('SIGUSR2', () => {
  gc();
  setImmediate(() => {
    gc();
    const { heapUsed, rss } = process.memoryUsage();
    const sockets = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    console.log('${MARK}' + JSON.stringify({ heapBytes: heapUsed, residentBytes: rss, sockets }));
  });
})`;

/** For Node, to start the instance with. */
export const footprintArguments = [
  '--expose-gc',
  '--import',
  `data:text/javascript,${encodeURIComponent(report)}`,
] as const;

/**
 * Of an instance that was started with `footprintArguments`, and has nothing to do: what it still had to do with its
 * latest requests, such as the deadlines of their calls, may go on for some seconds, and is waited for.
 */
export async function measureFootprint(instance: Instance): Promise<Footprint> {
  let earlier = await ask(instance);
  for (;;) {
    await delay(SETTLE_MS);
    const footprint = await ask(instance);
    if (footprint.heapBytes > earlier.heapBytes - NEGLIGIBLE_BYTES) return footprint;
    earlier = footprint;
  }
}

async function ask({ pid, lines }: Instance): Promise<Footprint> {
  if (pid === undefined) throw new Error('The instance has not started.');
  const from = lines.length;
  process.kill(pid, 'SIGUSR2');
  const endsAtMs = performance.now() + LIMIT_MS;
  while (performance.now() < endsAtMs) {
    const line = lines.slice(from).find((text) => text.startsWith(MARK));
    if (line !== undefined) return JSON.parse(line.slice(MARK.length)) as Footprint;
    await delay(POLL_MS);
  }
  throw new Error('The instance does not tell its footprint.');
}

/** Whether there was more each time: what grows once, such as a cache, does not go on. */
export function growsSteadily(footprints: readonly Footprint[], byBytes: number): boolean {
  const growths = footprints.slice(1).map(({ heapBytes }, n) => heapBytes - (footprints[n]?.heapBytes ?? 0));
  return growths.length > 0 && growths.every((growth) => growth > byBytes);
}

/** From the first to the last. */
export function growthOf(footprints: readonly Footprint[]): { bytes: number; percent: number } {
  const [first, last] = [footprints[0]?.heapBytes ?? 0, footprints.at(-1)?.heapBytes ?? 0];
  return { bytes: last - first, percent: 100 * (last / first - 1) };
}
