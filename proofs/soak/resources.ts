/** What each host takes of the machine while it serves: resident memory and open file descriptors. */
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { createHistogram } from 'node:perf_hooks';
import { setInterval } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { SoakHost } from './stand';

/** Undefined where this system does not tell. */
export interface Usage {
  readonly residentKb: number | undefined;
  readonly descriptors: number | undefined;
}

export interface HostUsage {
  readonly name: string;
  readonly start: Usage;
  readonly middle: Usage;
  readonly end: Usage;
}

interface Sample extends Usage {
  readonly atMs: number;
}

export interface Watch {
  stop(): HostUsage[];
}

const SAMPLE_MS = 1_000;
/**
 * Of the run, each: the start, the middle and the end. One sample says little, for memory goes up and down with each
 * garbage collection, and descriptors with each fault; the median of many says what it goes up and down around. In ten
 * minutes a window is as long as the plan of faults takes for one round, so that all have had the same in them.
 */
const WINDOW_SHARE = 0.1;

export function watchUsage(hosts: readonly SoakHost[]): Watch {
  const startedAtMs = performance.now();
  const stopping = new AbortController();
  const samples = hosts.map((): Sample[] => []);
  const sampleAll = async () => {
    for await (const _ of setInterval(SAMPLE_MS, undefined, { signal: stopping.signal })) {
      const atMs = performance.now() - startedAtMs;
      const usages = await Promise.all(hosts.map(({ pid = 0 }) => measure(pid)));
      for (const [n, usage] of usages.entries()) samples[n]?.push({ atMs, ...usage });
    }
  };
  sampleAll().catch(() => undefined); // it ends by being stopped

  return {
    stop() {
      stopping.abort();
      const lengthMs = performance.now() - startedAtMs;
      const during = (n: number, from: number): Usage => {
        const [fromMs, untilMs] = [from * lengthMs, (from + WINDOW_SHARE) * lengthMs];
        const window = samples[n]?.filter(({ atMs }) => atMs >= fromMs && atMs <= untilMs) ?? [];
        return {
          residentKb: median(window.map(({ residentKb }) => residentKb)),
          descriptors: median(window.map(({ descriptors }) => descriptors)),
        };
      };
      return hosts.map(({ name }, n) => ({
        name,
        start: during(n, 0),
        middle: during(n, 0.5 - WINDOW_SHARE / 2),
        end: during(n, 1 - WINDOW_SHARE),
      }));
    },
  };
}

async function measure(pid: number): Promise<Usage> {
  const [ps, descriptors] = await Promise.allSettled([
    promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)]),
    readdir(`/proc/${pid}/fd`), // of Linux
  ]);
  return {
    residentKb: ps.status === 'fulfilled' ? Number(ps.value.stdout) : undefined,
    descriptors: descriptors.status === 'fulfilled' ? descriptors.value.length : undefined,
  };
}

function median(values: readonly (number | undefined)[]): number | undefined {
  const histogram = createHistogram();
  for (const value of values) if (value !== undefined) histogram.record(value);
  return histogram.count === 0 ? undefined : histogram.percentile(50);
}
