/** The ways in which a query, a note's id and an Idempotency-Key are right, or wrong. */
import fc from 'fast-check';
import { type Draft, type Variant, withBody, withHeaders, withQuery } from '../draft';

const encode = (text: string) => encodeURIComponent(text);
const asId = (id: string) => (draft: Draft) => ({ ...draft, path: `/api/notes/${id}` });
const hexId = fc.stringMatching(/^[0-9a-f]{32}$/);
const anyText = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
/** Not the comma, which joins repeated headers. */
const visible = fc.stringMatching(/^[\x21-\x2b\x2d-\x7e]{1,128}$/);
/** So few that most come again, in any lane the same ones. */
const FEW_KEYS = 12;

export const listParameters: readonly Variant[] = [
  {
    name: 'a limit',
    change: fc
      .tuple(fc.integer({ min: 1, max: 100 }), fc.constantFrom('limit=', 'l%69mit=', 'cursor=<note>&limit='))
      .map(([limit, name]) => withQuery(`${name}${limit}`)),
  },
  {
    name: 'a cursor',
    change: fc.oneof(fc.constant('<note>'), hexId).map((cursor) => withQuery(`cursor=${cursor}`)),
  },
  {
    name: 'unknown parameters',
    change: fc
      .oneof(
        fc.constantFrom(
          '__proto__=1',
          'constructor=x',
          'LIMIT=0',
          '&&==&',
          'code=x',
          'limits[]=0',
          '%ff=%',
          '?limit=0',
        ),
        anyText.map((text) => `q=${encode(text)}`),
      )
      .map(withQuery),
  },
];

export const badListParameters: readonly Variant[] = [
  {
    name: 'a wrong limit',
    expected: '400 invalid_parameter',
    change: fc
      .oneof(
        fc.constantFrom(
          '0',
          '101',
          '-1',
          '+5',
          '%2B5',
          '1.0',
          '1e1',
          '0x5',
          '005',
          '0005',
          '5%20',
          '%D9%A3',
          'NaN',
          '1%00',
          '',
        ),
        fc.constantFrom('5&limit=5', '5&Limit=6&limit=7', '9'.repeat(400), '[5]', '5%0A'),
        anyText.map((text) => `x${encode(text)}`),
      )
      .map((limit) => withQuery(`limit=${limit}`)),
  },
  {
    name: 'a wrong cursor',
    expected: '400 invalid_parameter',
    change: fc
      .oneof(
        fc.constantFrom("' or RowKey gt '", '', '<note>&cursor=<note>', '<note>0', '<note>%00', '__proto__', 'null'),
        anyText.map((text) => `z${encode(text)}`),
      )
      .map((cursor) => withQuery(`cursor=${cursor.replaceAll(' ', '%20')}`)),
  },
];

export const goodIds: readonly Variant[] = [
  {
    name: 'an encoded id',
    change: fc.constant((draft: Draft) => ({ ...draft, path: draft.path.replace('notes', 'note%73') })),
  },
];

export const badIds: readonly Variant[] = [
  {
    name: 'an id of nothing',
    expected: '404 not_found',
    change: fc
      .oneof(
        hexId,
        fc.constantFrom(
          '<note>0',
          'x<note>',
          '<note>%0D%0ASet-Cookie:x',
          '__proto__',
          '%ff',
          '%ed%a0%80',
          '%',
          '%25',
          '%2f',
        ),
        fc
          .constantFrom("' or 1 eq 1", 'item-', 'key-', '..%2f..', '%0a', '*', "''")
          .map((id) => id.replaceAll(' ', '%20')),
        anyText.filter((text) => !text.includes('\0')).map((text) => `z${encode(text)}`),
      )
      .map(asId),
  },
  { name: 'an id of another', expected: '404 not_found', change: fc.constant(asId('<note of another>')) },
];

export const goodKeys: readonly Variant[] = [
  { name: 'a key', change: visible.map((key) => withHeaders(['Idempotency-Key', `<lane>${key}`.slice(0, 120)])) },
  {
    name: 'a key that comes again',
    change: fc.nat(FEW_KEYS).map((n) => withHeaders(['Idempotency-Key', `<lane>-${n}`])),
  },
  {
    name: 'a key that comes again, with its note',
    change: fc
      .nat(FEW_KEYS)
      .map(
        (n) => (draft) =>
          withHeaders(['Idempotency-Key', `<lane>-same-${n}`])(withBody(`{"item":"Tea","quantity":${n + 1}}`)(draft)),
      ),
  },
];

export const badKeys: readonly Variant[] = [
  {
    name: 'a wrong key',
    expected: '400 invalid_parameter',
    change: fc
      .oneof(
        fc.constantFrom('', 'a b', 'a\tb', 'a,b', ',', 'x'.repeat(129), '"a" b'),
        fc.integer({ min: 129, max: 8_000 }).map((length) => 'k'.repeat(length)),
      )
      .map((key) => withHeaders(['Idempotency-Key', key])),
  },
  {
    name: 'a repeated key',
    expected: '400 invalid_parameter',
    change: fc
      .constantFrom('<lane>-a', '<lane>-b')
      .map((key) => withHeaders(['Idempotency-Key', '<lane>-a'], ['Idempotency-Key', key])),
  },
];
