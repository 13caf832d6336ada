/** RFC 6750, "Bearer Token Usage": one row for each clause that binds a resource server. */
import { Problem, toProblemResponse } from '../../shared/problem';
import { type Answer, type App, startApp } from '../harness/app';

let app: App;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const whoami = (headers: Record<string, string> = {}) => app.get('/api/whoami', headers);
const challengeOf = ({ headers }: Answer) => headers.get('www-authenticate') ?? '';

interface Clause {
  readonly clause: string;
  readonly rule: string;
  readonly send: () => Promise<Answer>;
  readonly status: number;
  readonly challenge?: RegExp;
}

const clauses: Clause[] = [
  {
    clause: '§2',
    rule: 'clients must not use more than one method to send the token in a request',
    send: () => whoami({ authorization: `Bearer ${app.mint()}`, accessToken: app.mint() }),
    status: 400,
    challenge: /error="invalid_request"/,
  },
  {
    clause: '§2.1',
    rule: 'servers must support the Authorization header',
    send: () => whoami({ authorization: `Bearer ${app.mint()}` }),
    status: 200,
  },
  {
    clause: '§2.1',
    rule: '"Bearer" 1*SP b64token: several blanks are one separator',
    send: () => whoami({ authorization: `Bearer   ${app.mint()}` }),
    status: 200,
  },
  {
    clause: '§2.1',
    rule: 'a credential without a b64token is malformed',
    send: () => whoami({ authorization: 'Bearer' }),
    status: 400,
    challenge: /error="invalid_request"/,
  },
  {
    clause: '§2.1',
    rule: 'b64token has no other characters',
    send: () => whoami({ authorization: 'Bearer a$b' }),
    status: 401,
    challenge: /error="invalid_token"/,
  },
  {
    clause: '§2.3',
    rule: 'a token in the query is not looked at',
    send: () => app.get(`/api/whoami?access_token=${app.mint()}`),
    status: 401,
    challenge: /^Bearer realm="[^"]+"$/,
  },
  {
    clause: '§3.1',
    rule: 'a parameter that is repeated is invalid_request',
    send: () => app.post('/api/notes', `{"accessToken":"${app.mint()}","accessToken":"${app.mint()}"}`),
    status: 400,
    challenge: /error="invalid_request"/,
  },
  {
    clause: '§3',
    rule: 'no credentials: the answer has WWW-Authenticate: Bearer',
    send: () => whoami(),
    status: 401,
    challenge: /^Bearer /,
  },
  {
    clause: '§3',
    rule: 'the scheme is followed by one parameter or more',
    send: () => whoami(),
    status: 401,
    challenge: /^Bearer [a-z_]+="[^"]*"/,
  },
  {
    clause: '§3',
    rule: 'the letter case of the scheme does not matter (RFC 9110 §11.1)',
    send: () => whoami({ authorization: `bEARER ${app.mint()}` }),
    status: 200,
  },
  {
    clause: '§3',
    rule: 'error_description has only the characters that it may have',
    send: () => whoami({ authorization: 'Bearer a b' }),
    status: 400,
    challenge: /error_description="[\x20-\x21\x23-\x5b\x5d-\x7e]+"$/,
  },
  {
    clause: '§3.1',
    rule: 'no error code when no authentication was sent',
    send: () => whoami(),
    status: 401,
    challenge: /^(?!.*error)/,
  },
  {
    clause: '§3.1',
    rule: 'no error code for a scheme that is not supported',
    send: () => whoami({ authorization: 'Basic dTpw' }),
    status: 401,
    challenge: /^(?!.*error)/,
  },
  {
    clause: '§3.1',
    rule: 'invalid_request should be 400',
    send: () => whoami({ accessToken: 'a,b' }),
    status: 400,
    challenge: /error="invalid_request"/,
  },
  {
    clause: '§3.1',
    rule: 'invalid_token should be 401',
    send: () => whoami({ accessToken: `${app.mint()}x` }),
    status: 401,
    challenge: /error="invalid_token"/,
  },
  {
    clause: '§3.1',
    rule: 'insufficient_scope should be 403',
    send: () => whoami({ accessToken: app.identity.mint({ card: 'other' }) }),
    status: 403,
    challenge: /error="insufficient_scope"/,
  },
];

it.each(clauses)('$clause: $rule', async ({ send, status, challenge }) => {
  const answer = await send();
  expect(answer.status).toBe(status);
  if (challenge === undefined) expect(answer.headers.get('www-authenticate')).toBeNull();
  else expect(challengeOf(answer)).toMatch(challenge);
});

it.each([200, 400, 401, 403])('§5.3: an answer %i to a token is not kept by any cache', async (status) => {
  const row = clauses.find((clause) => clause.status === status);
  expect((await row?.send())?.headers.get('cache-control')).toBe('no-store');
});

it('§3: error_description has neither quotes nor backslashes, whatever the message', () => {
  const { headers } = toProblemResponse(new Problem('invalid_token', 'a "b" \\ é'), 'id');
  expect(headers['www-authenticate']).toMatch(/error_description="a 'b' ' '"$/);
});
