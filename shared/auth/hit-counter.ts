/** Counts hits from memory into one log line a minute: in the deployed app a line costs more than the hit itself. */
import type { Clock } from '../clock';
import type { Log } from '../log';

const PERIOD_MS = 60_000;
const BOUNDS_MS = [1, 10, 100, 1000, Number.POSITIVE_INFINITY]; // of the buckets, from above

export function createHitCounter({ clock, log }: { clock: Clock; log: Log }) {
  const none = () => ({ startedAtMs: clock.elapsed(), count: 0, sumMs: 0, maxMs: 0, buckets: [0, 0, 0, 0, 0] });
  let hits = none();

  return {
    add(durationMs: number): void {
      hits.count += 1;
      hits.sumMs += durationMs;
      hits.maxMs = Math.max(hits.maxMs, durationMs);
      const bucket = BOUNDS_MS.findIndex((boundMs) => durationMs <= boundMs);
      hits.buckets[bucket] = (hits.buckets[bucket] ?? 0) + 1;
    },
    /** Writes the line when there were hits and the period has passed. Within an invocation, the line belongs to it. */
    flush(periodMs = PERIOD_MS): void {
      const { startedAtMs, count, sumMs, maxMs, buckets } = hits;
      if (clock.elapsed() - startedAtMs < periodMs) return;
      hits = none();
      const counts = { count, sumMs: Number(sumMs.toFixed(2)), maxMs: Number(maxMs.toFixed(2)), buckets };
      if (count > 0) log('info', 'token_validations', { source: 'memory', outcome: 'valid', ...counts });
    },
  };
}
