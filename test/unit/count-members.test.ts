import fc from 'fast-check';
import { countMembers } from '../../shared/http/token-from-request';

const count = (json: string) => {
  JSON.parse(json); // what is counted is valid
  return countMembers(json, 'accessToken');
};

it.each([
  ['twice', '{"accessToken":"a","accessToken":"b"}', 2],
  ['three times, with blanks', '{ "accessToken" : 1 ,\n"accessToken"\t:2,"accessToken"\r\n:3 }', 3],
  ['escaped', '{"accessToken":"a","access\\u0054oken":"b"}', 2],
  ['escaped throughout', '{"\\u0061\\u0063\\u0063\\u0065\\u0073\\u0073\\u0054\\u006f\\u006B\\u0065\\u006e":1}', 1],
  ['after a nested one', '{"a":{"accessToken":1},"b":[{"accessToken":2}],"accessToken":3}', 1],
  ['after text that looks like it', '{"a":"\\"accessToken\\":1","b":"{\\"accessToken\\":","accessToken":3}', 1],
  ['after brackets in strings', '{"a":"}}]]","}":"{{[[","accessToken":3}', 1],
  ['after a backslash at the end of a string', '{"a\\\\":"b\\\\","accessToken":"\\\\"}', 1],
  ['as a value only', '{"a":"accessToken","b":["accessToken"]}', 0],
  ['in another spelling', '{"accesstoken":1,"accessToken ":2,"access_token":3,"access\\\\u0054oken":4}', 0],
  ['in an array', '[{"accessToken":1},"accessToken"]', 0],
  ['in a string', '"accessToken"', 0],
])('counts a member that stands there %s', (_, json, expected) => expect(count(json)).toBe(expected));

it('finds as many as there are, whatever stands around them', () => {
  const value = fc.json();
  const key = fc.oneof(
    fc.constantFrom('"accessToken"', '"access\\u0054oken"'),
    fc.string().map((s) => JSON.stringify(s)),
  );
  const blank = fc.constantFrom('', ' ', '\n\t');
  fc.assert(
    fc.property(fc.array(fc.tuple(blank, key, blank, value)), (members) => {
      const json = `{${members.map(([before, name, after, text]) => `${before}${name}${after}:${text}`).join(',')}}`;
      const expected = members.filter(([, name]) => JSON.parse(name) === 'accessToken').length;
      expect(count(json)).toBe(expected);
    }),
  );
});

it.each([
  ['brackets', `{"accessToken":1,"a":${'['.repeat(32_000)}${']'.repeat(32_000)}}`],
  ['backslashes', `{"accessToken":1,"a":"${'\\\\'.repeat(32_000)}"}`],
  ['quotes', `{"accessToken":1,"a":"${'\\"'.repeat(32_000)}"}`],
  ['blanks', `{"accessToken":1,"a":["b"${' '.repeat(64_000)}]}`],
  ['members', `{"accessToken":1${',"":1'.repeat(12_000)}}`],
])('reads 64 KiB of %s', (_, json) => expect(count(json)).toBe(1));
