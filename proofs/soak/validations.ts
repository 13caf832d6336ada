/** Holds the calls that the identity service gets against those that tokens explain. */
import type { IdentityService } from '../../local/identity-service/create-identity-service';
import type { Answer, Question } from './judge';
import type { Tally } from './tally';
import type { Trouble } from './trouble';

export interface Validations {
  /** Until `resume`, calls do not count: with repeats and probes, an outage has rules of its own. */
  pause(): void;
  resume(): void;
  /** To be called as the question is asked; the result with its answer. */
  begin(question: Question): (answer: Answer) => void;
  /** When all is answered: complains of calls that no token explains. Answers what there were. */
  finish(): ValidationCounts;
}

export interface ValidationCounts {
  /** Outside of outages. */
  readonly calls: number;
  /** The most that there may be: one a token and instance, but for those whose verdict came from the table. */
  readonly explained: number;
  /** Tokens that came to the second instance while the table had their row; how many of these it took from there. */
  readonly secondHosts: number;
  readonly fromTable: number;
}

/** An attempt or a read of the table that took too long, as on a busy machine, is repeated or does without. */
const TOLERATED_SHARE = 0.1;
const TOLERATED_CALLS = 5;

export function createValidations(identity: IdentityService, trouble: Trouble, tally: Tally): Validations {
  const explained = new Set<string>();
  let isCounting = true;
  let callsBefore = identity.calls;
  let calls = 0;
  let secondHosts = 0;
  let fromTable = 0;

  function pause(): void {
    calls += identity.calls - callsBefore;
    isCounting = false;
  }

  return {
    pause,
    resume() {
      callsBefore = identity.calls;
      isCounting = true;
    },
    begin({ token, host }) {
      const countedWhenSent = isCounting;
      const { hasRow } = token;
      return ({ body, sentAtMs, receivedAtMs, wasKnown }) => {
        const source: string | undefined = body?.validation?.source;
        if (wasKnown && source !== undefined && source !== 'memory') {
          tally.complain('calls', `${host.name} had the verdict in memory, and took it from the ${source}`);
        }
        const storageIsWell = !trouble.explains('storage', sentAtMs, receivedAtMs);
        if (source === 'identity-service' && storageIsWell) token.hasRow = true;
        if (wasKnown) return;
        if (hasRow && source !== undefined && storageIsWell) {
          secondHosts += 1;
          if (source === 'table') fromTable += 1;
        }
        const isOver = sentAtMs >= token.expiresAtMs;
        const needsCall = source === undefined ? !isOver && !(hasRow && storageIsWell) : source === 'identity-service';
        if (needsCall && (countedWhenSent || isCounting)) explained.add(`${host.name} ${token.text}`);
      };
    },
    finish() {
      if (isCounting) pause();
      const most = explained.size * (1 + TOLERATED_SHARE) + TOLERATED_CALLS;
      if (calls > most) tally.complain('calls', `${calls} calls, where tokens explain ${explained.size}`);
      if (secondHosts - fromTable > secondHosts * TOLERATED_SHARE + TOLERATED_CALLS) {
        const what = `of ${secondHosts} tokens that the table had, the second instance took ${fromTable} from there`;
        tally.complain('calls', what);
      }
      return { calls, explained: explained.size, secondHosts, fromTable };
    },
  };
}
