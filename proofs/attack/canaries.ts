/** What must show in no log line and in no error: tokens, who they belong to, and the secret of the cache. */
import { people } from '../../local/identity-service/people';
import type { Stand } from './stand';

/** With it begins every JWT, so that also a part of one shows: `{"` in base64. */
const JWT_BEGINNING = 'eyJ';
export const JUNK_BEGINNING = 'junk-';

/** The kinds of canaries that a text holds. Never the canary itself, which would then be printed. */
export function findCanaries(text: string, { secret, tokens }: Pick<Stand, 'secret' | 'tokens'>): string[] {
  const persons = Object.values(people).flatMap(({ id, name, phoneNumber }) => [id, name, phoneNumber]);
  const signatures = tokens.map((token) => token.split('.').at(-1) ?? token);
  const kinds = {
    'a token': [JWT_BEGINNING, JUNK_BEGINNING, ...signatures],
    'a person': persons,
    'the secret': [secret],
  };
  return Object.entries(kinds)
    .filter(([, canaries]) => canaries.some((canary) => text.includes(canary)))
    .map(([kind]) => kind);
}

/** What the instance has logged, and written to its standard error. */
export function findCanariesInLog(stand: Stand): string[] {
  const { lines, errors } = stand.instance;
  return findCanaries([...lines, ...errors].join('\n'), stand).map((canary) => `the log tells ${canary}`);
}
