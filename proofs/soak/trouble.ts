/** Remembers when which upstream was in trouble: while it failed, and until the app must have recovered from it. */
import type { Upstream } from './fault-plan';

export interface Trouble {
  begin(upstream: Upstream): void;
  /** The fault is over; the recovery begins. */
  end(upstream: Upstream): void;
  /** Whether any moment between the two belonged to it. Milliseconds since the epoch. */
  explains(upstream: Upstream, fromMs: number, untilMs: number): boolean;
}

interface Spell {
  readonly upstream: Upstream;
  readonly fromMs: number;
  untilMs: number;
}

export function createTrouble(recoveryMs: number): Trouble {
  const spells: Spell[] = [];
  return {
    begin(upstream) {
      spells.push({ upstream, fromMs: Date.now(), untilMs: Number.POSITIVE_INFINITY });
    },
    end(upstream) {
      const spell = spells.findLast((one) => one.upstream === upstream);
      if (spell) spell.untilMs = Date.now() + recoveryMs;
    },
    explains(upstream, fromMs, untilMs) {
      return spells.some((spell) => spell.upstream === upstream && spell.fromMs <= untilMs && spell.untilMs >= fromMs);
    },
  };
}
