/** The ways in which a token comes, or does not. */
import fc from 'fast-check';
import { jwtWith } from '../../../test/harness/tokens';
import { type Draft, type Variant, withHeaders, withQuery } from '../draft';

const header = (name: string, value: string) => withHeaders([name, value]);

const anyCase = (text: string) =>
  fc
    .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map((ups) => [...text].map((letter, n) => (ups[n] ? letter.toUpperCase() : letter.toLowerCase())).join(''));
const blanks = fc.string({ unit: fc.constant(' '), maxLength: 3 });
const b64token = fc.stringMatching(/^[A-Za-z0-9\-._~+/]{1,60}={0,2}$/);
/** Of base64url alone: the stand-in's decoder passes over anything else. */
const moreSignature = fc.stringMatching(/^[A-Za-z0-9_-]{1,60}$/);
/** Printable, but of no token. Not the comma, which joins repeated headers, nor the blank, which a header may end with. */
const wrongCharacter = fc.constantFrom(...'!"#$%&\'()*:;<>?@[\\]^`{|}');

export const goodTokens: readonly Variant[] = [
  {
    name: 'as Bearer',
    change: fc
      .tuple(anyCase('authorization'), anyCase('bearer'), blanks)
      .map(([name, scheme, more]) => header(name, `${scheme} ${more}<token>${more}`)),
  },
  {
    name: 'in accessToken',
    change: fc.tuple(anyCase('accesstoken'), blanks).map(([name, more]) => header(name, `${more}<token>${more}`)),
  },
  {
    name: 'next to another scheme',
    change: fc
      .constantFrom('Basic <token>', 'Digest a="bearer"', 'Bearers <token>', '')
      .map((other) => withHeaders(['Authorization', other], ['accessToken', '<token>'])),
  },
  {
    name: 'next to an empty header',
    change: fc
      .constantFrom('', ' \t')
      .map((blank) => withHeaders(['Authorization', 'Bearer <token>'], ['accessToken', blank])),
  },
];

export const badTokens: readonly Variant[] = [
  {
    name: 'no token',
    expected: '401 token_missing',
    change: fc.constantFrom((draft: Draft) => draft, header('accessToken', ''), header('Authorization', ' ')),
  },
  {
    name: 'another scheme',
    expected: '401 token_missing',
    change: fc
      .constantFrom('Basic <token>', 'Bearer<token>', '<token>', '')
      .map((value) => header('Authorization', value)),
  },
  {
    name: 'where nobody looks',
    expected: '401 token_missing',
    change: fc.constantFrom(
      withQuery('accessToken=<token>&access_token=<token>'),
      header('Cookie', 'accessToken=<token>'),
      header('Proxy-Authorization', 'Bearer <token>'),
      header('x-access-token', '<token>'),
    ),
  },
  {
    name: 'in two headers',
    expected: '400 invalid_request',
    change: fc
      .constantFrom('<token>', 'x')
      .map((other) => withHeaders(['Authorization', 'Bearer <token>'], ['accessToken', other])),
  },
  {
    name: 'in a repeated header',
    expected: '400 invalid_request',
    change: fc
      .constantFrom<[string, string]>(['Authorization', 'Bearer <token>'], ['accessToken', '<token>'])
      .map((one) => withHeaders(one, one)),
  },
  {
    name: 'in a malformed Bearer',
    expected: '400 invalid_request',
    change: fc
      .constantFrom(
        'Bearer',
        'Bearer <token> <token>',
        'Bearer <token>,',
        'Bearer\t<token>',
        'Basic x, Bearer <token>',
        ',bearer',
      )
      .map((value) => header('Authorization', value)),
  },
  {
    name: 'with a wrong character',
    expected: '401 invalid_token',
    change: fc
      .tuple(fc.constantFrom('Authorization', 'accessToken'), wrongCharacter, fc.constantFrom('<token>', ''))
      .map(([name, character, rest]) =>
        header(name, `${name === 'accessToken' ? '' : 'Bearer '}<token>${character}${rest}`),
      ),
  },
  {
    name: 'with a blank inside, or only padding',
    expected: '401 invalid_token',
    change: fc.constantFrom('<token> <token>', '<token>\t.', '= =', '=').map((value) => header('accessToken', value)),
  },
  {
    name: 'too long',
    expected: '401 invalid_token',
    change: fc.integer({ min: 8_193, max: 20_000 }).map((length) => header('accessToken', 'a'.repeat(length))),
  },
  { name: 'expired', expected: '401 invalid_token', change: fc.constant(header('accessToken', '<expired>')) },
  {
    name: 'not signed by the service',
    expected: '401 invalid_token',
    change: moreSignature.map((more) => header('Authorization', `Bearer <token>${more}`)),
  },
  { name: 'made up', expected: '401 invalid_token', change: b64token.map((token) => header('accessToken', token)) },
  {
    name: 'a JWT with odd claims',
    expected: '401 invalid_token',
    change: fc
      .oneof(
        fc.constantFrom<unknown>(null, [], 5, {}, { exp: '9' }, { exp: -1 }, { exp: 1e300 }, { exp: null }),
        fc.record({ exp: fc.jsonValue(), ['__proto__']: fc.jsonValue() }),
      )
      .map((claims) => header('accessToken', jwtWith(claims as object))),
  },
  {
    name: 'of another card',
    expected: '403 insufficient_scope',
    change: fc.constant(header('accessToken', '<token of another card>')),
  },
];
