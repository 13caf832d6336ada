/** The ways in which a token comes in the body of a note, or does not. */
import fc from 'fast-check';
import { type Draft, type Variant, withHeaders } from '../draft';

/** The text of members, put before those that the body's object has, or after them. */
function members(before: string, after = ''): (draft: Draft) => Draft {
  return (draft) => ({ ...draft, body: `{${before}${draft.body?.slice(1, -1) ?? ''}${after}}` });
}

export const goodTokensInBody: readonly Variant[] = [
  {
    name: 'in the body',
    change: fc.constantFrom(
      members('"accessToken":"<token>",'),
      members('', ',"accessToken":"<token>"'),
      members('"\\u0061ccess\\u0054oken" : "<token>" ,'),
      members('"accessToken":"<token>","note":"{\\"accessToken\\":\\"x\\"}",'),
    ),
  },
];

export const badTokensInBody: readonly Variant[] = [
  {
    name: 'in the body, and no string',
    expected: '400 invalid_request',
    change: fc
      .constantFrom('5', 'null', 'true', '["<token>"]', '{"accessToken":"<token>"}', '1e400')
      .map((value) => members(`"accessToken":${value},`)),
  },
  {
    name: 'in the body twice', // RFC 8259 §4 leaves open which of them counts
    expected: '400 invalid_request',
    change: fc
      .constantFrom('"accessToken":5,', '"accessToken":"<token>",', '"\\u0061ccessToken" : "x",')
      .map((first) => members(first, ',"accessToken":"<token>"')),
  },
  {
    name: 'in the body and in a header',
    expected: '400 invalid_request',
    change: fc
      .constantFrom<[string, string]>(['accessToken', '<token>'], ['Authorization', 'Bearer <token>'])
      .map((header) => (draft) => withHeaders(header)(members('"accessToken":"<token>",')(draft))),
  },
  {
    name: 'in the body, with what is of no token',
    expected: '401 invalid_token',
    change: fc
      .constantFrom('', '<token>\\r\\n', '<token>\\u0000', ' <token>', '<token>,<token>', '\\ud800', 'Bearer <token>')
      .map((value) => members(`"accessToken":"${value}",`)),
  },
  {
    name: 'in a body of another media type',
    expected: '415 unsupported_media_type',
    change: fc.constant((draft: Draft) => ({
      ...members('"accessToken":"<token>",')(draft),
      headers: [['Content-Type', 'text/plain']],
    })),
  },
  {
    name: 'in a body that is cut short',
    expected: '400 invalid_body',
    change: fc.constant((draft: Draft) => ({ ...draft, body: '{"accessToken":"<token>"' })),
  },
  {
    name: 'in the body, where no one looks',
    expected: '401 token_missing',
    change: fc.constantFrom(
      members('"AccessToken":"<token>",'),
      members('"__proto__":{"accessToken":"<token>"},'),
      members('"note":{"accessToken":"<token>"},'),
      (draft: Draft) => ({ ...draft, body: '[{"accessToken":"<token>"}]' }),
    ),
  },
  {
    name: 'in the body, of another card',
    expected: '403 insufficient_scope',
    change: fc.constant(members('"accessToken":"<token of another card>",')),
  },
];
