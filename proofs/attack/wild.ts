/** Requests with a few bytes changed anywhere, of which nothing is foretold. */
import fc from 'fast-check';
import { type Case, wellFormed } from './cases';
import { toWire } from './draft';

export interface Wild {
  readonly wire: string;
  /** Before the changes, as Content-Length has it. */
  readonly body: string | undefined;
}

interface Edit {
  /** Of the whole: 0 to 1. */
  readonly at: number;
  readonly removed: number;
  readonly put: string;
}

const chunk = fc.oneof(
  fc.constantFrom(
    '\r\n',
    '\n',
    '\r',
    '\0',
    ' ',
    '\t',
    ',',
    ':',
    '"',
    '{',
    '}',
    '[',
    '\\',
    '%',
    '%00',
    '/',
    '?',
    '#',
    '\xff',
  ),
  fc.constantFrom(
    '\r\n\r\n',
    '<token>',
    'accessToken: <token>\r\n',
    'HTTP/1.1',
    '\\u0000',
    '__proto__',
    '0',
    '9',
    '-1',
    'e400',
  ),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
);
const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  removed: fc.oneof(fc.constantFrom(0, 1), fc.nat(30)),
  put: fc.oneof(
    fc.constant(''),
    chunk,
    fc.array(chunk, { maxLength: 4 }).map((chunks) => chunks.join('')),
  ),
});

export const wild: fc.Arbitrary<Wild> = fc
  .tuple(wellFormed, fc.array(edit, { minLength: 1, maxLength: 4 }))
  .map(([{ draft }, edits]: [Case, Edit[]]) => ({
    wire: edits.reduce((wire, { at, removed, put }) => {
      const from = Math.floor(at * wire.length);
      return wire.slice(0, from) + put + wire.slice(from + removed);
    }, toWire(draft)),
    body: draft.body,
  }));
