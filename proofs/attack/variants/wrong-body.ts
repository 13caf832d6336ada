/** The ways in which the body of a note is JSON, and none that is a note, or no JSON at all. */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { editBody, utf8, type Variant, withBody, withMember } from '../draft';
import { MAX_BYTES } from './body';

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

const noNote = fc.oneof(
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
  ['"id"', ['"<note>"']],
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

export const wrongBodies: readonly Variant[] = [
  { name: 'no note', expected: '400 invalid_body', change: noNote.map(withBody) },
  {
    name: 'cut short',
    expected: '400 invalid_body',
    change: fc
      .double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
      .map((part) => editBody((body) => body.slice(0, body.length * part))),
  },
  {
    name: 'no UTF-8',
    expected: '400 invalid_body',
    change: fc.oneof(
      wrongBytes.map((bytes) => withMember('"note"', `"${bytes}"`)),
      wrongBytes.map((bytes) => editBody((body) => bytes + body)),
      fc.constant(editBody((body) => latin1(Buffer.from(body, 'utf16le')))),
      fc.constant(editBody((body) => latin1(gzipSync(Buffer.from(body, 'latin1'))))),
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
