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

/** What the process does on SIGUSR2. Twice: what is freed by the first collection may hold what only the second frees. */
const report = `
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

/** Of an instance that was started with `footprintArguments`. */
export async function measureFootprint({ pid, lines }: Instance): Promise<Footprint> {
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
