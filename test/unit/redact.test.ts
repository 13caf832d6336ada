import fc from 'fast-check';
import type { Identity } from '../../shared/auth/provider';
import { describeBug } from '../../shared/http/redact';

const token = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyLTEifQ.c2lnbmF0dXJl+/8==';
const identity: Identity = {
  id: 'user-4711',
  name: 'Zoë "Z" O\'Brien',
  phoneNumber: '+49 170 1234567',
  pictureUrl: null,
  actionPackageId: 'card-orders',
};
const said = (message: string) => describeBug(new Error(message), { token, identity }).message;

it('says what was thrown, and where', () => {
  const { message, stack } = describeBug(new TypeError('kaput'), { token, identity });
  expect(message).toBe('TypeError: kaput');
  expect(stack).toMatch(/^ {4}at .*redact\.test\.ts:\d+:\d+\)?\n {4}at /);
  expect(stack).not.toContain('kaput');
});

it.each([
  ['the token', token, '***'],
  ['the token in an address', encodeURIComponent(token), '***'],
  ['the token in lower case', token.toLowerCase(), '***'],
  ['the id in a sentence', 'No row for user-4711, sorry', 'No row for ***, sorry'],
  ['a name', identity.name, '***'],
  ['a name in JSON', JSON.stringify({ n: identity.name }), '{"n":"***"}'],
  ['a name in ASCII JSON', 'Zo\\u00eb \\"Z\\" O\'Brien', '***'],
  ['a name in ASCII JSON with capitals', 'Zo\\u00EB \\"Z\\" O\'Brien', '***'],
  ['a name in an address', `/users/${encodeURIComponent(identity.name)}`, '/users/***'],
  ['a name in a form', `n=${new URLSearchParams({ n: identity.name }).toString().slice(2)}&a=1`, 'n=***&a=1'],
  ['a number in a query', 'phone=%2B49+170+1234567', 'phone=***'],
  ['a number in an address', `/users/${encodeURI(identity.phoneNumber ?? '')}`, '/users/***'],
  ['values next to each other', 'user-4711card-orders', '***'],
  ['nothing of the caller', 'Cannot read properties of undefined', 'Cannot read properties of undefined'],
])('hides %s', (_, text, expected) => expect(said(text)).toBe(`Error: ${expected}`));

it.each([
  ['a lone surrogate', 'Zo\ud800e', encodeURIComponent('Zo\ufffde')],
  ['a line break', 'Zoe\nBrien', 'Zoe\nBrien'],
  ['an overlap with itself', 'abab', 'ababab'],
])('hides a name with %s', (_, name, text) => {
  expect(describeBug(new Error(text), { token, identity: { ...identity, name } }).message).toBe('Error: ***');
});

it('hides what a library quotes of the token', () => {
  const cut = (() => {
    try {
      return JSON.parse(token);
    } catch (error) {
      return error as Error;
    }
  })() as Error;
  expect(cut.message).toContain('eyJhbG');
  expect(describeBug(cut, { token, identity }).message).toMatch(/^SyntaxError: Unexpected token .*\*\*\*/);
  expect(describeBug(cut, { token, identity }).message).not.toContain('eyJhbG');
  expect(said(`x${token.slice(20, 40)}y`)).toBe('Error: x***y');
  expect(said(token.slice(3, 10))).toBe(`Error: ${token.slice(3, 10)}`); // 7 characters are anyone's
  expect(said('x ==')).toBe('Error: x ==');
});

it('hides strings of the body that hold the token, keys as well, and no others', () => {
  const note = `please use ${token} for "me"`;
  const text = JSON.stringify({ note, list: [`k ${token}`], [`key ${token}`]: 1, item: 'Tea', accessToken: token });
  const body = { kind: 'json', value: JSON.parse(text), text } as const;
  const known = { token, identity, body };
  for (const whole of [note, `k ${token}`, `key ${token}`]) {
    expect(describeBug(new Error(`a ${whole} z`), known).message).toBe('Error: a *** z');
    expect(describeBug(new Error(JSON.stringify([whole])), known).message).toBe('Error: ["***"]');
  }
  expect(describeBug(new Error('Tea for please'), known).message).toBe('Error: Tea for please');
});

it('gives the frames only when a value is too short to be hidden', () => {
  const about = { token, identity: { ...identity, name: 'Al' } };
  const { message, stack } = describeBug(new Error('Al lives in Altona'), about);
  expect(message).toBeUndefined();
  expect(stack).toMatch(/^ {4}at .*redact\.test\.ts/);
  expect(describeBug(new Error('kaput'), { token: 'abc' }).message).toBeUndefined();
});

it('takes an empty or absent value for none', () => {
  const absent = { ...identity, name: '', phoneNumber: null };
  expect(describeBug(new Error('kaput'), { token, identity: absent }).message).toBe('Error: kaput');
  expect(describeBug(new Error('kaput'), {}).message).toBe('Error: kaput');
});

it('hides values in frames, and takes no line of the message for one', () => {
  const error = new Error('kaput\n    at user-4711 (message.js:1:1)');
  error.stack = `${error.name}: ${error.message}\n    at Object.user-4711 (/app/main.js:1:1)\n    at next (/app/main.js:2:2)`;
  expect(describeBug(error, { token, identity }).stack).toBe(
    '    at Object.*** (/app/main.js:1:1)\n    at next (/app/main.js:2:2)',
  );
});

it('says at most 2,000 characters, and cuts no value in two', () => {
  const { message = '', stack = '' } = describeBug(
    Object.assign(new Error(`${'x'.repeat(985)} ${identity.name} ${'y'.repeat(5_000)}`), {
      stack: '    at f (/app/main.js:1:1)\n'.repeat(500),
    }),
    { token, identity },
  );
  expect([message.length, stack.length]).toEqual([1_000, 1_000]);
  expect(message).toMatch(/x \*\*\* y*$/);
  expect(said('x'.repeat(70_000))).toBeUndefined();
});

const hostile = () => {
  throw new Error(token);
};
const loop: Record<string, unknown> = {};
loop['loop'] = loop;

it.each<[string, unknown, string]>([
  ['a string', `kaput ${token}`, '"kaput ***"'],
  ['null', null, 'null'],
  ['undefined', undefined, 'undefined'],
  ['a number', 5, '5'],
  ['a symbol', Symbol(token), 'undefined'],
  ['a bigint', 5n, 'A thrown bigint that cannot be described.'],
  ['an object', { code: 5, who: identity.id }, '{"code":5,"who":"***"}'],
  ['an object with a message', { message: `kaput ${identity.id}` }, 'undefined: kaput ***'],
  ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
  ['an object that holds itself', loop, 'A thrown object that cannot be described.'],
  ['an error that holds itself', Object.assign(new Error('kaput'), { loop }), 'Error: kaput'],
  [
    'a hostile getter',
    {
      get message() {
        return hostile();
      },
    },
    'A thrown object that cannot be described.',
  ],
  [
    'a hostile stack',
    {
      message: 'kaput',
      get stack() {
        return hostile();
      },
    },
    'A thrown object that cannot be described.',
  ],
  [
    'a hostile toString',
    { message: 'kaput', stack: { toString: hostile } },
    'A thrown object that cannot be described.',
  ],
  ['a hostile name', { message: 'kaput', name: { toString: hostile } }, 'A thrown object that cannot be described.'],
  ['a hostile toJSON', { toJSON: hostile }, 'A thrown object that cannot be described.'],
  ['a hostile proxy', new Proxy({}, { get: hostile }), 'A thrown object that cannot be described.'],
  ['a hostile function', new Proxy(() => {}, { get: hostile }), 'A thrown function that cannot be described.'],
])('describes %s that was thrown, without throwing', (_, thrown, expected) => {
  expect(describeBug(thrown, { token, identity }).message).toBe(expected);
});

describe('whatever the caller and the message are', () => {
  const b64token = fc
    .tuple(fc.stringMatching(/^[A-Za-z0-9._~+/-]{4,60}$/), fc.constantFrom('', '=', '=='))
    .map((parts) => parts.join(''));
  const value = fc.oneof(
    fc.string({ minLength: 4, maxLength: 40, unit: 'binary' }), // lone surrogates and control characters, too
    fc.string({ minLength: 4, maxLength: 40, unit: 'grapheme' }),
    fc.stringMatching(/^\+?\d{4,15}$/),
  );
  const spellings = (text: string) => [
    text,
    JSON.stringify(text).slice(1, -1),
    JSON.stringify(text)
      .slice(1, -1)
      .replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
    encodeURIComponent(text.toWellFormed()),
  ];

  it('no value is left, in any of its spellings', () => {
    fc.assert(
      fc.property(
        b64token,
        fc.tuple(value, value, value),
        fc.array(fc.tuple(fc.string({ maxLength: 6 }), fc.nat(3), fc.nat(3)), { maxLength: 12 }),
        (aToken, [id, name, phoneNumber], pieces) => {
          const secrets = [aToken, id, name, phoneNumber];
          const text = pieces.map(([between, which, how]) => between + spellings(secrets[which] ?? '')[how]).join('');
          const error = Object.assign(new Error(text), { stack: `Error: ${text}\n    at ${text} (/main.js:1:1)` });
          const about = { token: aToken, identity: { id, name, phoneNumber, pictureUrl: null, actionPackageId: null } };
          const { message = '', stack = '' } = describeBug(error, about);
          for (const spelling of secrets.flatMap(spellings)) {
            if ('Error: ***'.includes(spelling) || '    at *** (/main.js:1:1)'.includes(spelling)) continue; // says nothing
            expect(message.slice('Error: '.length)).not.toContain(spelling);
            expect(stack).not.toContain(spelling);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('no 8 characters of the token are left', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[A-Za-z0-9._~+/-]{20,60}$/),
        fc.nat(),
        fc.nat(),
        fc.string(),
        (aToken, from, to, text) => {
          const { message = '' } = describeBug(new Error(text + aToken.slice(from % 20, to % 60) + text), {
            token: aToken,
          });
          for (let at = 0; at + 8 <= aToken.length; at += 1) expect(message).not.toContain(aToken.slice(at, at + 8));
        },
      ),
    );
  });

  it('nothing that is thrown makes it throw', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withSparseArray: true }), (thrown) => {
        describeBug(thrown, { token, identity });
      }),
    );
  });
});
