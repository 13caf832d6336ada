/** What an answer may be: the rules that hold for all of them, whatever was asked. */
import type { Answer } from './connection';

/** What the functions answer, from docs/reference.md. */
const documented = [
  '200',
  '201',
  '400 invalid_request',
  '400 invalid_body',
  '400 invalid_parameter',
  '401 token_missing',
  '401 invalid_token',
  '403 insufficient_scope',
  '404 not_found',
  '413 body_too_large',
  '415 unsupported_media_type',
  '422 idempotency_key_reused',
];
/** What the host answers by itself, without a body, as the real one does. */
const byTheHost = ['400 by the host', '404 by the host', '414 by the host', '431 by the host'];

const challenged = ['invalid_request', 'token_missing', 'invalid_token', 'insufficient_scope'];
/** The others either say nothing of a token, or come before it is looked at. */
const timed = ['401 invalid_token', '403 insufficient_scope'];
const problemMembers = ['type', 'title', 'status', 'code', 'detail', 'instance', 'invocationId'];

/** Its status, and its code or that no function made it. */
export function describe(answer: Answer | undefined): string {
  if (answer === undefined) return 'no answer';
  const { status, body } = answer;
  if (!isOfFunction(answer)) return `${status} by the host`;
  return status < 400 ? String(status) : `${status} ${(JSON.parse(body) as { code?: string }).code}`;
}

/** Functions forbid that their answers are stored; the host says nothing about it. */
export function isOfFunction({ headers }: Answer): boolean {
  return headers.has('cache-control');
}

/** What is wrong with it in itself. */
export function findFaults(answer: Answer): string[] {
  const { status, headers, body } = answer;
  const described = describe(answer);
  if (!isOfFunction(answer)) {
    return [
      ...(byTheHost.includes(described) ? [] : [`is undocumented: ${described}`]),
      ...(body === '' ? [] : ['has a body, without a function']),
    ];
  }
  return [
    ...(documented.includes(described) ? [] : [`is undocumented: ${described}`]),
    ...(headers.get('cache-control') === 'no-store' ? [] : ['may be stored']),
    ...(headers.get('x-content-type-options') === 'nosniff' ? [] : ['may be sniffed']),
    ...(!timed.includes(described) || headers.get('server-timing')?.startsWith('auth;desc=') ? [] : ['is not timed']),
    ...(status < 400 ? [] : findFaultsOfProblem(answer)),
  ];
}

/** RFC 9457, and RFC 6750 §3 for the challenge. */
function findFaultsOfProblem({ status, headers, body }: Answer): string[] {
  const problem = JSON.parse(body) as Record<string, unknown>;
  const { type, code, instance, invocationId, errors, ...texts } = problem;
  const missing = problemMembers.filter((name) => !(name in problem));
  const challenge = headers.get('www-authenticate') ?? '';
  const [hasChallenge, needsChallenge] = [challenge.startsWith('Bearer realm='), challenged.includes(String(code))];
  const namesError = challenge.includes(`error="${code}"`);
  return [
    ...(headers.get('content-type') === 'application/problem+json' ? [] : ['is no problem document']),
    ...missing.map((name) => `has no ${name}`),
    ...(String(type).endsWith(`/${code}`) && problem['status'] === status ? [] : ['contradicts itself']),
    ...(instance === `urn:uuid:${invocationId}` ? [] : ['names another invocation']),
    ...(texts['title'] && texts['detail'] ? [] : ['explains nothing']),
    ...(hasChallenge === needsChallenge ? [] : [`has ${hasChallenge ? 'a' : 'no'} challenge`]),
    ...(needsChallenge && namesError === (code === 'token_missing') ? ['has a wrong challenge'] : []),
    ...(Array.isArray(errors) === (code === 'invalid_body') ? [] : ['has errors, or none, without reason']),
  ];
}
