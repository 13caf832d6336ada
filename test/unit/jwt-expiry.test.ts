import { jwtExpiresAtMs } from '../../shared/auth/jwt-expiry';
import { jwtWith } from '../harness/tokens';

const base64url = (text: string) => Buffer.from(text).toString('base64url');

it.each([
  ['whole seconds', jwtWith({ exp: 1_700_000_000 }), 1_700_000_000_000],
  ['a fraction', jwtWith({ exp: 1.5 }), 1_500],
  ['zero', jwtWith({ exp: 0 }), 0],
  ['a negative number', jwtWith({ exp: -1 }), -1_000],
  ['more than any date', `e30.${base64url('{"exp":1e999}')}.x`, Number.POSITIVE_INFINITY],
  ['no exp', jwtWith({}), undefined],
  ['an exp that is a string', jwtWith({ exp: '1' }), undefined],
  ['an exp that is null', jwtWith({ exp: null }), undefined],
  ['claims that are null', `e30.${base64url('null')}.x`, undefined],
  ['claims that are no JSON', `e30.${base64url('{')}.x`, undefined],
  ['two parts', jwtWith({ exp: 1 }).split('.').slice(0, 2).join('.'), undefined],
  ['four parts', `${jwtWith({ exp: 1 })}.x`, undefined],
  ['an opaque token', 'opaque', undefined],
  ['dots only', '..', undefined],
])('reads %s', (_, token, expected) => {
  expect(jwtExpiresAtMs(token)).toBe(expected);
});
