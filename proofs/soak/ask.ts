/** Asks a host a question, judges the answer and counts it. */
import type { Answer, Question } from './judge';
import { judge } from './judge';
import type { Tally } from './tally';
import type { Trouble } from './trouble';
import type { Validations } from './validations';

/** @returns the body, when the question was answered as it is when nothing fails */
// biome-ignore lint/suspicious/noExplicitAny: whatever came is held against what was expected
export type Ask = (question: Question) => Promise<any>;

/** Who is not answered by then never will be. */
const NO_ANSWER_MS = 10_000;

export function createAsk(trouble: Trouble, tally: Tally, validations: Validations): Ask {
  return async function ask(question) {
    const { host, token, method, path, kind, expected } = question;
    const settle = validations.begin(question);
    const describe = (what: string) => `${host.name}, ${method} ${path.replace(/[0-9a-f]{32}/, '{id}')}: ${what}`;
    let answer: Answer;
    try {
      answer = await send(question);
    } catch (error) {
      const { name, cause } = error as Error;
      tally.complain('silent', describe(`${name} ${(cause as NodeJS.ErrnoException | undefined)?.code ?? ''}`));
      return undefined;
    }
    const { outcome, body, elapsedMs } = answer;
    if (isAuthenticated(outcome)) token.knownTo.add(host);
    settle(answer);
    for (const [check, what] of judge(question, answer, trouble)) tally.complain(check, describe(what));
    const isAsExpected = token.kind === 'good' && outcome === expected;
    tally.count(kindOf(kind, answer), outcome, elapsedMs);
    return isAsExpected ? body : undefined;
  };
}

async function send({ host, token, method, path, body, idempotencyKey }: Question): Promise<Answer> {
  const wasKnown = token.knownTo.has(host);
  const sentAtMs = Date.now();
  const startedAtMs = performance.now();
  const response = await fetch(`${host.url}/api/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token.text}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(NO_ANSWER_MS),
  });
  const text = await response.text();
  const parsed = /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : undefined;
  return {
    outcome: response.ok ? String(response.status) : `${response.status} ${parsed?.code ?? ''}`.trim(),
    retryAfter: response.headers.get('retry-after') ?? undefined,
    body: parsed,
    sentAtMs,
    receivedAtMs: Date.now(),
    elapsedMs: performance.now() - startedAtMs,
    wasKnown,
  };
}

/** Whatever else went wrong, the host now knows whose the token is. */
function isAuthenticated(outcome: string): boolean {
  return /^(2|400 invalid_body|403|404|503 storage)/.test(outcome);
}

function kindOf(kind: string, { outcome, body }: Answer): string {
  if (outcome.startsWith('503')) return 'answered 503';
  if (/^40[13]/.test(outcome)) return 'token refused';
  return body?.validation === undefined ? kind : `${kind}, from ${body.validation.source}`;
}
