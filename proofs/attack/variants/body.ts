/** The ways in which the body of a note is right, or wrong before anybody reads it. The token comes in a header. */
import fc from 'fast-check';
import { type Draft, editBody, utf8, type Variant, withBody, withHeaders, withMember } from '../draft';

export const MAX_BYTES = 65_536;
/** What is easily lost, escaped, or counted wrongly on its way. */
const tricky = fc.constantFrom(...' \t\n\r\0\u007f"\'\\/<>&%+é\u0301\u00a0\u2028\u2029\ufeff\ufffd\uffff🍵');
const text = (minLength: number, maxLength: number) =>
  fc.oneof(
    fc.string({ unit: 'binary', minLength, maxLength }),
    fc.string({ unit: tricky, minLength, maxLength }),
    fc.constant('🍵'.repeat(maxLength)),
  );

const json = (value: unknown) => withBody(utf8(JSON.stringify(value)));
const ofType =
  (...types: string[]) =>
  (draft: Draft): Draft => ({
    ...draft,
    headers: [
      ...draft.headers.filter(([name]) => name !== 'Content-Type'),
      ...types.map((type) => ['Content-Type', type] as const),
    ],
  });

export const goodBodies: readonly Variant[] = [
  {
    name: 'any text',
    change: fc
      .record({
        item: text(1, 200),
        quantity: fc.integer({ min: 1, max: 1_000 }),
        note: text(0, 1_000),
      })
      .map(json),
  },
  {
    name: 'other spellings of the same',
    change: fc.constantFrom(
      editBody((body) => `\xef\xbb\xbf${body}`),
      editBody((body) => `\r\n\t ${body} \n`),
      editBody((body) => body.replace('"item"', '"\\u0069tem"')),
      editBody((body) => body.replace('{', '{"item":null,"quantity":[],')),
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

export const longBodies: readonly Variant[] = [
  {
    name: 'too long',
    expected: '413 body_too_large',
    change: fc
      .integer({ min: MAX_BYTES + 1, max: MAX_BYTES + 3_000 })
      .map((length) => editBody((body) => body.padEnd(length))),
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
  {
    name: 'with a Content-Encoding, true or not',
    expected: '415 unsupported_media_type',
    change: fc
      .constantFrom('gzip', 'br', 'identity, GZIP', 'x')
      .map((coding) => withHeaders(['Content-Encoding', coding])),
  },
];
