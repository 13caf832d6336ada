/** The ways in which bytes are no HTTP, or not quite: the host's business, before any function. */
import fc from 'fast-check';
import { type Draft, toWire, withHeaders } from '../draft';

export interface Malformed {
  readonly name: string;
  /** As a Draft's, with `<token>` and the like. */
  readonly wire: string;
  /** Of which `<length>` is the length. */
  readonly body?: string;
  /** The answers one after the other, in the words of `describe`; or other answers that are as good. */
  readonly expected: readonly (readonly string[])[];
  /** The client sends no more and closes its end. */
  readonly isCut?: boolean;
}

const get: Draft = {
  method: 'GET',
  path: '/api/whoami',
  query: '',
  headers: [
    ['Accept', '*/*'],
    ['Authorization', 'Bearer <token>'],
  ],
};
const post: Draft = {
  method: 'POST',
  path: '/api/notes',
  query: '',
  headers: [
    ['Authorization', 'Bearer <token>'],
    ['Content-Type', 'application/json'],
  ],
};
const body = '{"item":"Tea","quantity":2}';
const getWire = toWire(get);
const lineEnd = '\r\n';

const refused = [['400 by the host']] as const;
/** The end of the connection may come before the answer to what was cut. */
const refusedOrClosed = [['400 by the host'], []] as const;

function each(name: string, expected: Malformed['expected'], wires: readonly string[], more: Partial<Malformed> = {}) {
  return fc.constantFrom(...wires).map((wire): Malformed => ({ name, wire, expected, ...more }));
}

/** The note with these headers about its length. */
function framed(headers: Draft['headers'], sent: string): string {
  return toWire(withHeaders(...headers)(post)) + sent;
}

const withLine = (line: string) => getWire.replace('Accept: */*\r\n', `Accept: */*\r\n${line}\r\n`);
const chunks = `1b\r\n${body}\r\n0\r\n\r\n`;
const chunked: Draft['headers'] = [['Transfer-Encoding', 'chunked']];

export const malformed: fc.Arbitrary<Malformed> = fc.oneof(
  each('other line ends', refused, [
    getWire.replaceAll(lineEnd, '\n'),
    getWire.replaceAll(lineEnd, '\r'),
    getWire.replaceAll(lineEnd, '\n\r'),
  ]),
  each('a folded header', refused, [withLine('x-a: b\r\n c'), getWire.replace('Bearer ', 'Bearer\r\n\t')]),
  each('a header that is none', refused, [
    ...['nothing', 'x-a : b', ': b', 'x a: b', 'x(a): b', '"x": b', 'x-a: b\0c', 'x-a: \x01', 'x-a: \x7f', '\0: b'].map(
      withLine,
    ),
    ...['x-a: b\rc', '\xe9: b', 'Host: attacked', 'Host: b'].map(withLine),
    getWire.replace('Host: attacked\r\n', ''),
  ]),
  each('a request line that is none', refused, [
    ...['HTTP/1.2', 'HTTP/11', 'http/1.1', 'HTTX/1.1', 'HTTP/1.1 x', ''].map((version) =>
      getWire.replace('HTTP/1.1', version),
    ),
    ...['*', 'api/whoami', 'ftp://attacked/api/whoami', '/api/who\0ami', '/api/\x01', '/api/whoam\xe9', '?'].map(
      (target) => getWire.replace('/api/whoami', target),
    ),
    getWire.replace('GET /', 'GET\t/'),
    ` ${getWire}`,
  ]),
  each('CONNECT', [[]], [getWire.replace('GET', 'CONNECT'), 'CONNECT attacked:80 HTTP/1.1\r\nHost: attacked\r\n\r\n']),
  each(
    'odd, but as good as any',
    [['200']],
    [
      `\r\n\r\n${getWire}`,
      getWire.replace('HTTP/1.1\r\nHost: attacked', 'HTTP/1.0\r\nConnection: keep-alive'),
      withLine('x-a:\t b\tc \t'),
      `${withLine('Content-Length: 3')}abc`,
      `${withLine('Transfer-Encoding: chunked')}${chunks}`,
    ],
  ),
  each('a wrong Content-Length', refused, [
    ...['-1', '+27', '0x1b', '27a', '', '1.5', '27, 27', '99999999999999999999999', '2 7'].map((length) =>
      framed([['Content-Length', length]], body),
    ),
    framed(
      [
        ['Content-Length', '27'],
        ['Content-Length', '27'],
      ],
      body,
    ),
    framed(
      [
        ['Content-Length', '27'],
        ['Content-Length', '5'],
      ],
      body,
    ),
  ]),
  each('two lengths, of which one would smuggle a request', refused, [
    framed([['Content-Length', '27'], ...chunked], chunks),
    framed([...chunked, ['Content-Length', '27']], chunks),
    framed([...chunked, ['Content-Length', '5']], `0\r\n\r\n${getWire}`),
    framed([['Transfer-Encoding', 'chunked, gzip']], chunks),
    framed([['Transfer-Encoding', 'xchunked']], chunks),
    framed([['Transfer-Encoding', 'gzip']], body),
  ]),
  // Azure Functions drops such a body.
  each(
    'chunks',
    [['400 invalid_body']],
    [
      framed(chunked, chunks),
      framed(chunked, `1B;a="b"\r\n${body}\r\n000\r\nx-trailer: 1\r\n\r\n`),
      framed([['Transfer-Encoding', 'gzip, chunked']], chunks),
    ],
  ),
  each('broken chunks', refused, [
    ...['zz\r\n', `5\r\n${body}\r\n`, 'fffffffffffffffffffff\r\n', '-1\r\n', '\r\n', '1b;\0\r\n', `1b${body}`].map(
      (sent) => framed(chunked, `${sent}0\r\n\r\n`),
    ),
  ]),
  each(
    'more body than Content-Length says',
    [['400 invalid_body', '400 by the host']],
    [framed([['Content-Length', '5']], body), framed([['Content-Length', '26']], body), framed([], body)],
  ),
  each(
    'several at once',
    [['200', '400 invalid_parameter', '200', '404 by the host']],
    [getWire + toWire({ ...get, path: '/api/notes', query: '?limit=0' }) + getWire + toWire({ ...get, path: '/x' })],
  ),
  each(
    'several at once, then nothing of HTTP',
    [['200', '400 invalid_body', '400 by the host']],
    [`${getWire}${framed([['Content-Length', '0']], '')}\x16\x03\x01`],
  ),
  fc.uint8Array({ minLength: 1, maxLength: 100 }).map(
    (bytes): Malformed => ({
      name: 'any bytes',
      wire: `\x16${Buffer.from(bytes).toString('latin1')}`,
      expected: refused,
    }),
  ),
  fc.nat(getWire.length - 3).map(
    (at): Malformed => ({
      name: 'a head that is cut',
      wire: getWire.slice(0, at),
      expected: refusedOrClosed,
      isCut: true,
    }),
  ),
  fc.nat(body.length - 1).map((at): Malformed => {
    const wire = framed([['Content-Length', String(body.length)]], body.slice(0, at));
    return { name: 'a body that is cut', wire, expected: refusedOrClosed, isCut: true };
  }),
);
