/** Route templates of the embedded host, as ASP.NET Core reads them. */
import { parseRoute } from '../src/route';

const guid = '3f2504e0-4f89-11d3-9a0c-0305e82c3301';

it.each([
  ['api/items', '/api/items', {}],
  ['api/items', '/API/Items/', {}],
  ['api/items', '/api/items//', undefined],
  ['api/items', '/api/items/1', undefined],
  ['', '/', {}],
  ['{id}', '/a b', { id: 'a b' }],
  ['{id}', '/', undefined],
  ['{a}/{b?}', '/1', { a: '1' }],
  ['{a}/{b?}', '/1/2', { a: '1', b: '2' }],
  ['{a=x}/{b:int=5}', '/', { a: 'x', b: '5' }],
  ['{a=x}/{b:int=5}', '/y/6', { a: 'y', b: '6' }],
  ['f/{*rest}', '/f', {}],
  ['f/{*rest}', '/f/a//b', { rest: 'a//b' }],
  ['f/{**rest:minlength(3)}', '/f/a', undefined],
  ['v{version}/{name}.{ext}', '/V2/a.b.txt', { version: '2', name: 'a.b', ext: 'txt' }],
  ['v{version}', '/w2', undefined],
  ['{{id}}', '/{id}', {}],
  ['{code:regex(^\\d{{3}}$)}', '/123', { code: '123' }],
  ['{code:regex(^\\d{{3}}$)}', '/1234', undefined],
  ['{code:regex(^(a|b:)+$):maxlength(2)}', '/b:', { code: 'b:' }],
])('%s matches %s as %j', (template, path, params) => {
  expect(parseRoute(template).match(path)).toEqual(params);
});

it.each([
  ['int', ['0', '-1', '+5', '2147483647'], ['2147483648', '1.5', 'x']],
  ['long', ['9223372036854775807'], ['9223372036854775808', '1e3']],
  ['guid', [guid, guid.replaceAll('-', ''), `{${guid}}`, `(${guid})`, guid.toUpperCase()], ['12', `${guid}0`]],
  ['alpha', ['abcXYZ'], ['a1', 'é', '999']],
  ['bool', ['true', 'False'], ['1', 'yes']],
  ['datetime', ['2024-01-31', '2024-01-31T10:00:00Z'], ['soon', '2024-13-01']],
  ['decimal', ['1', '-1.5'], ['1e5', 'x']],
  ['double', ['1.5', '1e5'], ['1.5.5']],
  ['float', ['.5'], ['-']],
  ['length(3)', ['abc'], ['ab', 'abcd']],
  ['length(2,3)', ['ab', 'abc'], ['a', 'abcd']],
  ['minlength(2)', ['ab'], ['a']],
  ['maxlength(2)', ['ab'], ['abc']],
  ['min(2)', ['2'], ['1', 'x']],
  ['max(2)', ['2', '-5'], ['3']],
  ['range(2,4)', ['2', '4'], ['1', '5']],
  ['regex(^[a-c]+$)', ['abC'], ['d']],
  ['required', ['x'], []],
  ['int:min(2)', ['2'], ['1', '2147483648']],
])('constraint %s accepts %j and refuses %j', (constraint, accepted, refused) => {
  const { match } = parseRoute(`{value:${constraint}}`);
  expect(accepted.filter((value) => !match(`/${value}`))).toEqual([]);
  expect(refused.filter((value) => match(`/${value}`))).toEqual([]);
});

it.each([
  ['{id', 'unmatched brace'],
  ['id}', 'unmatched brace'],
  ['{a{b}}', 'unmatched brace'],
  ['a//b', 'empty segment'],
  ['a/', 'empty segment'],
  ['{}', 'no valid name'],
  ['{a}/{A}', 'appears twice'],
  ['{*a}/b', 'must come last'],
  ['x{a?}', 'a segment of its own'],
  ['{a:nope}', 'unknown route constraint "nope"'],
  ['{a:constructor}', 'unknown route constraint "constructor"'],
  ['{a:length(1,2,3)}', 'unknown route constraint "length(1,2,3)"'],
  ['{a:regex([)}', 'is not a regular expression'],
])('refuses %s: %s', (template, message) => {
  expect(() => parseRoute(template)).toThrow(message);
});
