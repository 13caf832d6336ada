/** The ways in which a request finds its function, or none; and headers that make no difference. */
import fc from 'fast-check';
import { type Draft, type Variant, withHeaders } from '../draft';

const path =
  (edit: (path: string) => string) =>
  (draft: Draft): Draft => ({ ...draft, path: edit(draft.path) });
const method =
  (name: string) =>
  (draft: Draft): Draft => ({ ...draft, method: name });
const printable = fc.stringMatching(/^[\x20-\x7e]{0,60}$/);
const headerName = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,30}$/).map((name) => `x-${name}`);

export const goodRoutes: readonly Variant[] = [
  {
    name: 'another spelling of the path',
    change: fc.constantFrom(
      path((text) => text.replace('/api/', '/API/')),
      path((text) => text.replace('/api/', '/%61p%69/')),
      path((text) => text.replace('/api/', '/api/x/../')),
      path((text) => text.replace('/api/', '/./%2e/api/%2E%2e/api/')),
      path((text) => `${text}/`),
      path((text) => `http://attacked${text}`),
    ),
  },
];

export const badRoutes: readonly Variant[] = [
  {
    name: 'another path',
    expected: '404 by the host',
    change: fc.constantFrom(
      path((text) => text.replace('/api/', '/api//')),
      path((text) => text.replace('/api/', '/')),
      path((text) => text.replace('/api/', '/api%2f')),
      path((text) => text.replace('/api/', '/api\\')),
      path((text) => text.replace('/api/', '/api/../')),
      path((text) => `${text}//`),
      path((text) => `${text}/x/y`),
      path((text) => `${text}%c3%a9/z/z`),
      path((text) => text.replace('/api/', '/api/v1/x/')),
    ),
  },
  {
    name: 'another method',
    expected: '404 by the host',
    change: fc
      .constantFrom(
        'PUT',
        'DELETE',
        'PATCH',
        'OPTIONS',
        'TRACE',
        'PROPFIND',
        'M-SEARCH',
        'get',
        'FOO',
        'GETS',
        '__proto__',
      )
      .map(method),
  },
  {
    name: 'an encoded NUL in the path',
    expected: '400 by the host',
    change: fc.constant(path((text) => `${text}%00`)),
  },
  {
    name: 'too long a line',
    expected: '414 by the host',
    change: fc
      .integer({ min: 8_192, max: 20_000 })
      .map((length) => (draft) => ({ ...draft, query: `?${'q'.repeat(length)}` })),
  },
  {
    name: 'too many headers',
    expected: '431 by the host',
    change: fc.integer({ min: 100, max: 300 }).map((count) => withHeaders(...Array(count).fill(['x-many', '1']))),
  },
  {
    name: 'too long a header',
    expected: '431 by the host',
    change: fc.integer({ min: 32_768, max: 50_000 }).map((length) => withHeaders(['x-long', 'l'.repeat(length)])),
  },
  {
    name: 'bytes above ASCII in a header',
    expected: '400 by the host',
    change: fc
      .constantFrom('\xe9', '\xff', '\x80', '\xf0\x9f\x8d\xb5')
      .map((bytes) => withHeaders(['accessToken', `x${bytes}`])),
  },
  {
    name: 'another Host',
    expected: '400 by the host',
    change: fc
      .constantFrom(
        'user@b',
        'user:word@b',
        'a/b',
        'a?b',
        'a#b',
        'a\\b',
        'a%41',
        'a b',
        'a,b',
        'a<b',
        'a:b',
        '[::1',
        ':80',
        'a:1:2',
      )
      .map((host) => withHeaders(['Host', host])),
  },
];

export const headersOfNoMatter: readonly Variant[] = [
  {
    name: 'headers of no matter',
    change: fc
      .array(
        fc.oneof(
          fc.tuple(headerName, printable),
          fc.constantFrom<[string, string]>(
            ['__proto__', 'x'],
            ['constructor', 'x'],
            ['hasOwnProperty', ''],
            ['Origin', 'https://evil.example'],
            ['X-HTTP-Method-Override', 'DELETE'],
            ['X-Forwarded-Host', 'evil.example'],
            ['X-Original-URL', '/api/health'],
            ['X-MS-CLIENT-PRINCIPAL', 'e30='],
            ['X-Functions-Key', 'x'],
            ['Expect', '100-continue'],
            ['Expect', 'tea'],
            ['Upgrade', 'h2c'],
            ['Accept', 'text/html;q=0'],
            ['Accept-Encoding', 'gzip;q=1, br'],
            ['Range', 'bytes=0-1'],
            ['If-None-Match', '*'],
            ['Content-Encoding', 'identity'],
            ['TE', 'trailers'],
          ),
        ),
        { minLength: 1, maxLength: 5 },
      )
      .map((headers) => withHeaders(...headers)),
  },
];
