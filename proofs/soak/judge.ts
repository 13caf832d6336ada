/** The rules: which answers the contract allows to a question, given what has failed meanwhile. */
import type { SoakHost } from './stand';
import type { Check } from './tally';
import type { Token } from './tokens';
import type { Trouble } from './trouble';

export interface Question {
  /** For the table of times. */
  readonly kind: string;
  readonly host: SoakHost;
  readonly token: Token;
  readonly method: 'GET' | 'POST';
  /** Below `/api/`. */
  readonly path: string;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  /** To a good token: the status and, of a problem, its code. */
  readonly expected: string;
  readonly usesStorage: boolean;
}

export interface Answer {
  /** The status and, of a problem, its code: `401 invalid_token`. */
  readonly outcome: string;
  readonly retryAfter: string | undefined;
  /** Parsed JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever came is held against what was expected
  readonly body: any;
  readonly sentAtMs: number;
  readonly receivedAtMs: number;
  readonly elapsedMs: number;
  /** Whether the host had the token's verdict in memory when it was asked. */
  readonly wasKnown: boolean;
}

/** Of a validation, and of what the notes may wait for their table after that. */
const VALIDATION_MS = 3_000;
const NOTES_MS = 2_000;
/** For a busy machine, which has everything that is part of this on two processors or so. */
const MARGIN_MS = 1_000;

const REFUSED = '401 invalid_token';

/** What is wrong with the answer, by its check. */
export function judge(question: Question, answer: Answer, trouble: Trouble): [Check, string][] {
  const { outcome, retryAfter, elapsedMs } = answer;
  const allowed = allowedOutcomes(question, answer, trouble);
  const limitMs = VALIDATION_MS + (question.usesStorage ? NOTES_MS : 0) + MARGIN_MS;
  const found: [Check, string][] = [];
  if (!allowed.includes(outcome)) found.push([classify(question, answer), `${outcome}, not ${allowed.join(' or ')}`]);
  if (elapsedMs > limitMs) found.push(['late', `${outcome} after ${elapsedMs.toFixed()} ms, over ${limitMs} ms`]);
  if (outcome.startsWith('503') && !/^[1-9]\d*$/.test(retryAfter ?? '')) {
    found.push(['noRetryAfter', `${outcome} with Retry-After ${retryAfter}`]);
  }
  return found;
}

/** The first is what a token of this kind is answered when nothing fails. */
function allowedOutcomes({ token, expected, usesStorage }: Question, answer: Answer, trouble: Trouble): string[] {
  const { sentAtMs, receivedAtMs, wasKnown } = answer;
  // The token itself says when it is over, and no outage of anything changes that.
  if (sentAtMs >= token.expiresAtMs) return [REFUSED];
  const allowed = [{ good: expected, foreign: '403 insufficient_scope', forged: REFUSED }[token.kind]];
  if (receivedAtMs >= token.expiresAtMs) allowed.push(REFUSED);
  if (!wasKnown && trouble.explains('identity service', sentAtMs, receivedAtMs)) {
    allowed.push('503 identity_unavailable');
  }
  if (token.kind === 'good' && usesStorage && trouble.explains('storage', sentAtMs, receivedAtMs)) {
    allowed.push('503 storage_unavailable');
  }
  return allowed;
}

function classify({ token, expected }: Question, { outcome, sentAtMs }: Answer): Check {
  const isGood = token.kind === 'good' && sentAtMs < token.expiresAtMs;
  if (outcome.startsWith('500')) return 'bug';
  // With a good token, only a note of somebody else's is asked for in vain.
  if (outcome.startsWith('2')) return isGood ? 'note' : 'accepted';
  if (isGood && /^40[13]/.test(outcome)) return 'refused';
  if (isGood && outcome.startsWith('404') && expected === '200') return 'lost';
  return 'unexplained';
}
