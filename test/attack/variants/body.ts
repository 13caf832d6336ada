/** The ways in which the body of an order is right, or wrong. The token comes in a header. */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { type Draft, utf8, type Variant, withBody } from '../draft';

const MAX_BYTES = 65_536;
const TEXT = fc.string({ unit: 'binary', minLength: 1, maxLength: 200 });

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const json = (value: unknown) => withBody(utf8(JSON.stringify(value)));
const edited =
  (edit: (body: string) => string) =>
  (draft: Draft): Draft =>
    withBody(edit(draft.body ?? ''))(draft);
const ofType =
  (...types: string[]) =>
  (draft: Draft): Draft => ({
    ...draft,
    headers: [
      ...draft.headers.filter(([name]) => name !== 'Content-Type'),
      ...types.map((type) => ['Content-Type', type] as const),
    ],
  });
/** As one member more, which comes last and so counts. */
const withMember = (name: string, value: string) => edited((body) => `${body.slice(0, -1)},${name}:${value}}`);

export const goodBodies: readonly Variant[] = [
  {
    name: 'any text',
    change: fc
      .record({
        item: TEXT,
        quantity: fc.integer({ min: 1, max: 1_000 }),
        note: fc.string({ unit: 'binary', maxLength: 1_000 }),
      })
      .map(json),
  },
  {
    name: 'other spellings of the same',
    change: fc.constantFrom(
      edited((body) => `\xef\xbb\xbf${body}`),
      edited((body) => `\r\n\t ${body} \n`),
      edited((body) => body.replace('"item"', '"\\u0069tem"')),
      edited((body) => body.replace('{', '{"item":null,"quantity":[],')),
      withMember('"quantity"', '1e2'),
      withMember('"quantity"', '1000.0000000000000000001'),
      withMember('"quantity"', '0.01E+3'),
      withMember('"item"', '"\\u0000\\u2028\\ud83c\\udf75"'),
    ),
  },
  {
    name: 'other spellings of the media type',
    change: fc
      .constantFrom(
        'Application/JSON',
        'application/json;charset=utf-16',
        'application/json ; charset="x"; q=1',
        'application/vnd.card+json',
        'application/json;',
        'APPLICATION/x+JSON',
      )
      .map((type) => ofType(type)),
  },
];

const wrongText = fc.oneof(
  fc.constantFrom(
    'null',
    'true',
    '5',
    '""',
    '[]',
    '{}',
    '"\\ud800"',
    '[{"item":"x","quantity":1}]',
    '"<token>"',
    '1e999',
  ),
  fc.constantFrom(
    '',
    ' ',
    '{',
    '}',
    'NaN',
    "{'item':1}",
    '{"item":"x","quantity":1,}',
    '{"item":"x","quantity":01}',
    'item=x',
  ),
  fc.constantFrom(
    '{"item":"x","quantity":1}{}',
    '{"item":"x" "quantity":1}',
    '/**/{}',
    '{"item":"\n","quantity":1}',
    '\0',
  ),
  fc.jsonValue().map((value) => utf8(JSON.stringify({ x: value }))),
  fc.string({ unit: 'binary', maxLength: 60 }).map((text) => utf8(`~${text}`)),
);
const wrongBytes = fc.oneof(
  fc.constantFrom('\xff', '\x80', '\xc0\x80', '\xed\xa0\x80', '\xf0\x9f', '\xf8\x88\x80\x80\x80', '\xf4\x90\x80\x80'),
  fc.constantFrom('\xfe\xff', '\xff\xfe'),
);
const wrongValues: [name: string, values: string[]][] = [
  [
    '"item"',
    ['""', 'null', '5', '[]', '{}', '"\\ud800"', '"x\\udc00y"', `"${'x'.repeat(201)}"`, `"${utf8('🍵').repeat(201)}"`],
  ],
  [
    '"quantity"',
    ['0', '-1', '-0', '1001', '1.5', '1e400', '-1e400', '9007199254740993', '"1"', 'true', 'null', '[1]', '1e-7'],
  ],
  ['"note"', ['null', '1', '{}', `"${'n'.repeat(1_001)}"`, '"\\udfff"']],
  ['"__proto__"', ['null', '{"item":"x"}', '[]']],
  ['"constructor"', ['{"prototype":{"quantity":1}}']],
  ['"toString"', ['null']],
  ['"hasOwnProperty"', ['1']],
  ['""', ['1']],
  ['"\\ud800"', ['1']],
  ['"a/b~c"', ['1']],
  ['"Item"', ['"x"']],
  ['"id"', ['"<order>"']],
];
/** Deep enough to overflow a stack, if anything here recurses. */
const nested = fc
  .tuple(
    fc.integer({ min: 1_000, max: 30_000 }),
    fc.constantFrom<[string, string]>(['[', ']'], ['{"a":', '}']),
    fc.boolean(),
  )
  .map(([depth, [open, close], isClosed]) => {
    const times = Math.min(depth, Math.floor(MAX_BYTES / (open.length + close.length)) - 100);
    return `${open.repeat(times)}1${isClosed ? close.repeat(times) : ''}`;
  });

export const badBodies: readonly Variant[] = [
  { name: 'no order', expected: '400 invalid_body', change: wrongText.map(withBody) },
  {
    name: 'cut short',
    expected: '400 invalid_body',
    change: fc
      .double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
      .map((part) => edited((body) => body.slice(0, body.length * part))),
  },
  {
    name: 'no UTF-8',
    expected: '400 invalid_body',
    change: fc.oneof(
      wrongBytes.map((bytes) => withMember('"note"', `"${bytes}"`)),
      wrongBytes.map((bytes) => edited((body) => bytes + body)),
      fc
        .constantFrom<BufferEncoding>('utf16le')
        .map((encoding) => edited((body) => latin1(Buffer.from(body, encoding)))),
      fc.constant(edited((body) => latin1(gzipSync(Buffer.from(body, 'latin1'))))),
      fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => withBody(`\xff${latin1(bytes)}`)),
    ),
  },
  {
    name: 'a wrong member',
    expected: '400 invalid_body',
    change: fc
      .constantFrom(...wrongValues.flatMap(([name, values]) => values.map((value) => [name, value] as const)))
      .map(([name, value]) => withMember(name, value)),
  },
  {
    name: 'without a member',
    expected: '400 invalid_body',
    change: fc.constantFrom('{"item":"Tea"}', '{"quantity":1}', '{"note":"x"}').map(withBody),
  },
  {
    name: 'nested deeply',
    expected: '400 invalid_body',
    change: fc.oneof(
      nested.map(withBody),
      nested.map((value) => withMember('"item"', value)),
      nested.map((value) => withMember('"x"', value)),
    ),
  },
  {
    name: 'very many members',
    expected: '400 invalid_body',
    change: fc.integer({ min: 100, max: 7_000 }).map((count) => withMember('"x"', `0${',"y":0'.repeat(count)}`)),
  },
];

export const longBodies: readonly Variant[] = [
  {
    name: 'too long',
    expected: '413 body_too_large',
    change: fc
      .integer({ min: MAX_BYTES + 1, max: MAX_BYTES + 3_000 })
      .map((length) => edited((body) => body.padEnd(length))),
  },
];

export const otherBodies: readonly Variant[] = [
  {
    name: 'of another media type',
    expected: '415 unsupported_media_type',
    change: fc.oneof(
      fc
        .constantFrom(
          'text/plain',
          'text/json',
          'application/jsonp',
          'application/ json',
          'multipart/form-data; boundary=x',
          'json',
          '',
        )
        .map((type) => ofType(type)),
      fc.constant(ofType()),
      fc.constant(ofType('application/json', 'application/json')),
    ),
  },
];
