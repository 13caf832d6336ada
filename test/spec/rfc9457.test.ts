/** RFC 9457, "Problem Details for HTTP APIs": one row for each clause that binds the one who answers. */
import { type Answer, type App, startApp } from '../harness/app';

let app: App;
let problems: Answer[];
beforeAll(async () => {
  app = await startApp();
  const token = { accessToken: app.mint() };
  problems = [
    await app.get('/api/whoami'),
    await app.get('/api/whoami', { accessToken: 'a,b' }),
    await app.get('/api/whoami', { accessToken: 'a$b' }),
    await app.get('/api/whoami', { accessToken: app.identity.mint({ card: 'other' }) }),
    await app.get('/api/notes?limit=0', token),
    await app.get(`/api/notes/${'0'.repeat(32)}`, token),
    await app.post('/api/notes', { item: '', 'a/b~c %': 1 }, token),
    await app.post('/api/notes', 'x', { ...token, 'content-type': 'text/plain' }),
  ];
});
afterAll(() => app.close());

interface Clause {
  readonly clause: string;
  readonly rule: string;
  readonly holds: (problem: Answer) => void;
}

const clauses: Clause[] = [
  {
    clause: '§3',
    rule: 'the media type is application/problem+json',
    holds: ({ headers }) => expect(headers.get('content-type')).toBe('application/problem+json'),
  },
  {
    clause: '§3.1.1',
    rule: 'type is a URI reference, here an absolute one with the code at its end',
    holds: ({ body }) => expect(new URL(body.type).pathname).toMatch(new RegExp(`/${body.code}$`)),
  },
  {
    clause: '§3.1.2',
    rule: 'status is a number and the status of the answer',
    holds: ({ status, body }) => expect(body.status).toBe(status),
  },
  { clause: '§3.1.3', rule: 'title is a string', holds: ({ body }) => expect(body.title).toMatch(/^[A-Z]/) },
  {
    clause: '§3.1.4',
    rule: 'detail is a string for people, without debugging information',
    holds: ({ body }) => expect(body.detail).toMatch(/^[A-Z][^\n]+\.$/),
  },
  {
    clause: '§3.1.5',
    rule: 'instance is a URI of this occurrence',
    holds: ({ body }) => expect(body.instance).toBe(`urn:uuid:${body.invocationId}`),
  },
  {
    clause: '§3.2',
    rule: 'names of extension members begin with a letter and have three characters or more',
    holds: ({ body }) =>
      expect(Object.keys(body).filter((name) => !/^[A-Za-z][A-Za-z0-9_]{2,}$/.test(name))).toEqual([]),
  },
];

it.each(clauses)('$clause: $rule', ({ holds }) => {
  expect(new Set(problems.map(({ body }) => body.code)).size).toBe(problems.length);
  for (const problem of problems) holds(problem);
});

it('§3.1.2: title does not change from one occurrence to the next', async () => {
  const again = await app.get('/api/whoami');
  expect(again.body.title).toBe(problems[0]?.body.title);
  expect(again.body.instance).not.toBe(problems[0]?.body.instance);
});

it('§3 (the example): errors name the places as JSON pointers in URI fragments (RFC 6901 §6)', () => {
  const { errors } = problems.find(({ body }) => body.code === 'invalid_body')?.body ?? {};
  expect(errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
    '#/item',
    '#/quantity',
    '#/a~1b~0c%20%25',
  ]);
});
