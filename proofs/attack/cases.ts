/** Requests of the app's five endpoints, each with some differences from the plain one, and the answer that they must get. */
import fc from 'fast-check';
import { type Draft, type Variant, withHeaders } from './draft';
import { goodBodies, longBodies, otherBodies } from './variants/body';
import { badIds, badKeys, badListParameters, goodIds, goodKeys, listParameters } from './variants/parameters';
import { badRoutes, goodRoutes, headersOfNoMatter } from './variants/route';
import { badTokens, goodTokens } from './variants/token';
import { badTokensInBody, goodTokensInBody } from './variants/token-in-body';
import { wrongBodies } from './variants/wrong-body';

export interface Case {
  readonly names: readonly string[];
  readonly draft: Draft;
  /** In the words of `describe`. */
  readonly expected: string;
}

interface Difference {
  readonly name?: string;
  readonly expected?: string;
  readonly change: (draft: Draft) => Draft;
}

/** One of each. The first that is wrong decides the answer, but for a body that is too long. */
interface Differences {
  readonly route: Difference;
  readonly token: Difference;
  readonly parameters: Difference;
  readonly body: Difference;
  readonly headers: Difference;
}

const none: Difference = { change: (draft) => draft };

/** How often, of 100, one of these comes. */
type Share = readonly [percent: number, variants: readonly Variant[]];

/** Where no share is left, there is no difference. */
function difference(...shares: readonly Share[]): fc.Arbitrary<Difference> {
  const rest = 100 - shares.reduce((sum, [percent]) => sum + percent, 0);
  return fc.oneof(
    { weight: rest, arbitrary: fc.constant(none) },
    ...shares.map(([weight, variants]) => ({
      weight,
      arbitrary: fc.oneof(...variants.map(({ change, ...rest }) => change.map((one) => ({ ...rest, change: one })))),
    })),
  );
}

const differences = {
  route: difference([15, goodRoutes], [7, badRoutes]),
  token: difference([85, goodTokens], [15, badTokens]),
  parameters: fc.constant(none),
  body: fc.constant(none),
  headers: difference([25, headersOfNoMatter]),
};

function cases(
  draft: Draft,
  own: Partial<Record<keyof Differences, fc.Arbitrary<Difference>>> = {},
): fc.Arbitrary<Case> {
  return fc.record<Differences>({ ...differences, ...own }).map(({ route, token, parameters, body, headers }) => {
    const inOrder = [parameters, body, token, headers, route];
    // A body's length is looked at before all that a function looks at.
    const long = body.expected?.startsWith('413') ? body : none;
    const changed = inOrder.reduce((before, { change }) => change(before), draft);
    // Where no token came, a body that was not read is the cause that is told.
    const unread = token.expected === '401 token_missing' && isUnread(body, changed.body) ? body : none;
    const [wrong] = [route, long, unread, token, parameters, body].filter(({ expected }) => expected !== undefined);
    return {
      names: inOrder.flatMap(({ name }) => name ?? []),
      draft: changed,
      expected: wrong?.expected ?? (draft.method === 'POST' ? '201' : '200'),
    };
  });
}

/** @param bytes as latin1 */
function isUnread({ expected }: Difference, bytes = ''): boolean {
  if (bytes === '' || expected === undefined) return false;
  if (expected.startsWith('415')) return true;
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(bytes, 'latin1')));
    return false;
  } catch {
    return true;
  }
}

const get = (path: string): Draft => ({ method: 'GET', path, query: '', headers: [] });
const note: Draft = {
  method: 'POST',
  path: '/api/notes',
  query: '',
  headers: [['Content-Type', 'application/json']],
  body: '{"item":"Tea","quantity":2}',
};

/** Where nobody asks for one. */
const tokensOfNoMatter = [...goodTokens, ...badTokens].map(({ name, change }) => ({ name, change }));

export const plainNote: Draft = withHeaders(['accessToken', '<token>'])(note);

export const wellFormed: fc.Arbitrary<Case> = fc.oneof(
  { weight: 3, arbitrary: cases(get('/api/whoami')) },
  {
    weight: 2,
    arbitrary: cases(get('/api/notes'), { parameters: difference([40, listParameters], [35, badListParameters]) }),
  },
  { weight: 3, arbitrary: cases(get('/api/notes/<note>'), { parameters: difference([20, goodIds], [40, badIds]) }) },
  {
    weight: 5,
    arbitrary: cases(note, {
      parameters: difference([30, goodKeys], [8, badKeys]),
      body: difference([30, goodBodies], [35, wrongBodies], [5, otherBodies], [2, longBodies]),
    }),
  },
  {
    weight: 2,
    arbitrary: cases(note, {
      token: difference([50, goodTokensInBody], [50, badTokensInBody]),
      parameters: difference([30, goodKeys], [8, badKeys]),
    }),
  },
  { weight: 1, arbitrary: cases(get('/api/health'), { token: difference([50, tokensOfNoMatter]) }) },
);
