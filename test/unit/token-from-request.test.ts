import type { JsonBody } from '../../shared/http/json-body';
import { tokenFromRequest, withoutToken } from '../../shared/http/token-from-request';
import { Problem } from '../../shared/problem';

const none: JsonBody = { kind: 'none' };
const json = (value: unknown, text = JSON.stringify(value)): JsonBody => ({ kind: 'json', value, text });
const raw = (text: string) => json(JSON.parse(text), text);
const unreadable: JsonBody = { kind: 'unreadable', problem: new Problem('unsupported_media_type') };

function outcome(headers: Record<string, string>, body: JsonBody = none): string {
  try {
    return tokenFromRequest(new Headers(headers), body);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    expect(error.message).toMatch(/^[A-Z]/); // words for the developer of the card
    const { status, code, options } = error;
    return [status, code, ...(options.reason === undefined ? [] : [options.reason])].join(' ');
  }
}

describe('the token is taken', () => {
  it.each([
    ['from Authorization', { authorization: 'Bearer abc' }],
    ['whatever the letter case of the scheme', { authorization: 'bEaReR abc' }],
    ['after more than one blank (RFC 6750: 1*SP)', { authorization: 'Bearer   abc' }],
    ['from the header accessToken', { accessToken: 'abc' }],
    ['from accessToken next to another scheme', { authorization: 'Basic dTpw', accessToken: 'abc' }],
    ['from accessToken next to an empty Authorization', { authorization: '', accessToken: 'abc' }],
    ['from accessToken next to a blank Authorization', { authorization: '  ', accessToken: 'abc' }],
    ['from Authorization next to an empty accessToken', { authorization: 'Bearer abc', accessToken: '' }],
    ['from Authorization next to a blank accessToken', { authorization: 'Bearer abc', accessToken: ' \t' }],
  ])('%s', (_, headers) => expect(outcome(headers as Record<string, string>)).toBe('abc'));

  it('from a header, when the body was not read', () => {
    expect(outcome({ accessToken: 'abc' }, unreadable)).toBe('abc');
    expect(outcome({ authorization: 'Bearer abc' }, unreadable)).toBe('abc');
  });
  it('from the JSON body', () => expect(outcome({}, json({ accessToken: 'abc', item: 'x' }))).toBe('abc'));
  it('from the JSON body next to empty headers', () =>
    expect(outcome({ authorization: '', accessToken: '' }, json({ accessToken: 'abc' }))).toBe('abc'));
  it('from the top of the JSON body, whatever is further down or in text', () => {
    const nested = { note: '"accessToken":"x"', a: { accessToken: 1 }, b: [{ accessToken: 2 }], accessToken: 'abc' };
    expect(outcome({}, json(nested))).toBe('abc');
  });
  it('from the JSON body, with the name escaped', () =>
    expect(outcome({}, raw('{"access\\u0054oken":"abc"}'))).toBe('abc'));
  it('with every character that RFC 6750 allows', () =>
    expect(outcome({ accessToken: 'aZ09-._~+/===' })).toBe('aZ09-._~+/==='));
  it('up to 8 KiB', () => expect(outcome({ accessToken: 'a'.repeat(8192) })).toHaveLength(8192));
});

it.each([
  ['no token', {}, none, '401 token_missing'],
  ['another scheme only', { authorization: 'Basic dTpw' }, none, '401 token_missing'],
  ['a body without the member', {}, json({ item: 'x' }), '401 token_missing'],
  ['a body that is an array', {}, json([{ accessToken: 'abc' }]), '401 token_missing'],
  ['a body that is null', {}, json(null), '401 token_missing'],
  ['a nested member only', {}, json({ a: { accessToken: 'abc' } }), '401 token_missing'],
  ['empty headers', { authorization: '', accessToken: '' }, none, '401 token_missing'],
  ['a body that was not read', {}, unreadable, '415 unsupported_media_type'],
  [
    'a body that was not read, and empty headers',
    { authorization: '', accessToken: '' },
    unreadable,
    '415 unsupported_media_type',
  ],
  [
    'a body that was not read, and another scheme',
    { authorization: 'Basic dTpw' },
    unreadable,
    '415 unsupported_media_type',
  ],
  ['a body that was not read, and a malformed Bearer', { authorization: 'Bearer' }, unreadable, '400 invalid_request'],
  ['an inherited member', {}, json(Object.create({ accessToken: 'abc' })), '401 token_missing'],
  ['two headers', { authorization: 'Bearer abc', accessToken: 'abc' }, none, '400 invalid_request'],
  [
    'Authorization and body, with one token',
    { authorization: 'Bearer abc' },
    json({ accessToken: 'abc' }),
    '400 invalid_request',
  ],
  ['header and body', { accessToken: 'abc' }, json({ accessToken: 'def' }), '400 invalid_request'],
  ['Authorization twice', { authorization: 'Bearer abc, Bearer abc' }, none, '400 invalid_request'],
  [
    'Authorization twice, as the host joins it',
    { authorization: 'Bearer abc,Bearer def' },
    none,
    '400 invalid_request',
  ],
  ['another scheme and Bearer', { authorization: 'Basic dTpw,Bearer abc' }, none, '400 invalid_request'],
  ['another scheme, a blank and Bearer', { authorization: 'Basic dTpw, Bearer abc' }, none, '400 invalid_request'],
  ['Bearer and a comma', { authorization: 'Bearer,' }, none, '400 invalid_request'],
  ['Bearer with a comma in the token', { authorization: 'Bearer abc,def' }, none, '400 invalid_request'],
  ['accessToken twice', { accessToken: 'abc,abc' }, none, '400 invalid_request'],
  ['Bearer alone', { authorization: 'Bearer' }, none, '400 invalid_request'],
  ['Bearer with two tokens', { authorization: 'Bearer abc def' }, none, '400 invalid_request'],
  ['Bearer and a tab', { authorization: 'Bearer\tabc' }, none, '400 invalid_request'],
  ['a member that is no string', {}, json({ accessToken: 5 }), '400 invalid_request'],
  ['a member that is null', {}, json({ accessToken: null }), '400 invalid_request'],
  ['a member twice', {}, raw('{"accessToken":"abc","accessToken":"def"}'), '400 invalid_request'],
  ['a member twice, with one token', {}, raw('{"accessToken":"abc","accessToken":"abc"}'), '400 invalid_request'],
  ['a member twice, once escaped', {}, raw('{"accessToken":"a","access\\u0054oken":"b"}'), '400 invalid_request'],
  ['a member twice, first as no string', {}, raw('{"accessToken":null,"accessToken":"b"}'), '400 invalid_request'],
  ['a header twice, once empty', { accessToken: ',abc' }, none, '400 invalid_request'],
  ['Authorization twice, once empty', { authorization: ',Bearer abc' }, none, '400 invalid_request'],
  ['one character too many', { accessToken: 'a'.repeat(8193) }, none, '401 invalid_token malformed'],
  ['an empty member', {}, json({ accessToken: '' }), '401 invalid_token malformed'],
  ['a blank inside', { accessToken: 'a b' }, none, '401 invalid_token malformed'],
  ['blanks around it in the body', {}, json({ accessToken: ' abc ' }), '401 invalid_token malformed'],
  ['a line break', {}, json({ accessToken: 'abc\r\nx: y' }), '401 invalid_token malformed'],
  ['a NUL', {}, json({ accessToken: 'abc\0' }), '401 invalid_token malformed'],
  ['a letter above ASCII', {}, json({ accessToken: 'abcé' }), '401 invalid_token malformed'],
  ['padding in the middle', { authorization: 'Bearer a=b' }, none, '401 invalid_token malformed'],
  ['padding only', { authorization: 'Bearer ==' }, none, '401 invalid_token malformed'],
  ['a no-break space after it', { accessToken: 'abc\u00a0' }, none, '401 invalid_token malformed'],
  ['Bearer and a no-break space after it', { authorization: 'Bearer abc\u00a0' }, none, '400 invalid_request'],
])('answers %s', (_, headers, body, expected) => {
  expect(outcome(headers as Record<string, string>, body as JsonBody)).toBe(expected);
});

it('takes the token out of the body, and leaves any other body alone', () => {
  expect(withoutToken(json({ accessToken: 'abc', item: 'x' }))).toMatchObject({ kind: 'json', value: { item: 'x' } });
  expect(withoutToken(json(['accessToken']))).toEqual(json(['accessToken']));
  expect(withoutToken(none)).toBe(none);
});
