/** The cache as its users see it: one call a token, one row a token, whichever instance comes first. */
import { startAzurite } from '../../local/azurite';
import { createDeriveTokenKey } from '../../shared/auth/token-key';
import { type Answer, type App, startApp, warm } from '../harness/app';
import { closeAtEnd } from '../harness/close-at-end';
import { findFreePort } from '../harness/free-port';
import { listRows, openTable } from '../harness/tables';

const tokens = openTable('tokencache');
let app: App;
beforeEach(async () => {
  app = await warm(await startApp());
});
afterEach(() => app.close());

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const whoami = (token: string, instance = app) => instance.get('/api/whoami', bearer(token));
const sourceOf = (answer: Answer) => answer.body.validation.source;

function keyOf(token: string) {
  const endpoint = `${app.identity.url}/v1/users/me`;
  const id = createDeriveTokenKey(app.settings['TOKEN_CACHE_SECRET'] ?? '', { name: 'kaizala', endpoint })(token).id;
  return [id.slice(0, 2), id] as const;
}

async function rowOf(token: string) {
  return tokens.getEntity<{ sealed: Uint8Array; expiresAt: Date }>(...keyOf(token)).catch(() => undefined);
}

it('makes one call and one row of 50 concurrent requests with one new token', async () => {
  const azurite = closeAtEnd(await startAzurite({ port: await findFreePort() })); // of its own, to count all rows
  const alone = await startApp({ AzureWebJobsStorage: azurite.connectionString });
  await whoami(alone.mint(), alone); // a table that is not there yet may take longer than a request waits for it
  const token = alone.mint();
  const answers = await Promise.all([...Array(50)].map(() => whoami(token, alone)));
  const rows = await listRows(openTable('tokencache', azurite.connectionString));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(alone.identity.calls).toBe(2);
  expect(rows).toHaveLength(2);
});

it('answers a second instance from the table, without a call, for the remaining life', async () => {
  const token = app.mint();
  const first = await whoami(token);
  const second = await warm(await app.startSecond());
  const answer = await whoami(token, second);
  expect(answer.body.validation).toMatchObject({
    source: 'table',
    validatedAt: first.body.validation.validatedAt,
    expiresAt: first.body.validation.expiresAt,
  });
  expect(sourceOf(await whoami(token, second))).toBe('memory');
  expect(app.identity.calls).toBe(1);
  await second.close();
});

it('authorizes on every request: a cached identity of a card that is no longer listed is 403', async () => {
  const token = app.mint();
  await whoami(token);
  const stricter = await startApp({ ...app.settings, ALLOWED_CARD_IDS: 'another-card' });
  expect((await whoami(token, stricter)).status).toBe(403);
  expect(app.identity.calls).toBe(1);
  await stricter.close();
});

it('writes no row for a token that is rejected, or could not be checked', async () => {
  const rejected = `${app.mint()}x`;
  expect((await whoami(rejected)).status).toBe(401);
  app.identity.fault({ kind: 'status', status: 500 });
  const unchecked = app.mint();
  expect((await whoami(unchecked)).status).toBe(503);
  expect([await rowOf(rejected), await rowOf(unchecked)]).toEqual([undefined, undefined]);
});

it('writes rows that tell a reader nothing: no token, no identity', async () => {
  const token = app.mint();
  const { body } = await whoami(token);
  const row = await rowOf(token);
  expect(Object.keys(row ?? {}).sort()).toEqual(
    ['etag', 'expiresAt', 'odata.metadata', 'partitionKey', 'rowKey', 'sealed', 'timestamp'].sort(),
  );
  const everything = `${JSON.stringify(row)} ${Buffer.from(row?.sealed ?? []).toString('latin1')}`;
  for (const secret of [token, body.id, body.name, body.phoneNumber, body.actionPackageId]) {
    expect(everything).not.toContain(secret);
  }
  expect(row?.expiresAt.toISOString()).toBe(body.validation.expiresAt);
});

describe('a row that is not what this instance wrote is a miss, and is replaced', () => {
  it.each<[string, (token: string, other: string) => Promise<unknown>]>([
    ['changed', async (token) => tokens.updateEntity({ ...split(token), sealed: Buffer.alloc(60, 7) })],
    ['of another type', async (token) => tokens.updateEntity({ ...split(token), sealed: 'text' })],
    ['without its value', async (token) => tokens.upsertEntity({ ...split(token), other: 1 }, 'Replace')],
    [
      "another key's",
      async (token, other) => {
        const { sealed } = (await rowOf(other)) ?? {};
        await tokens.updateEntity({ ...split(token), sealed });
      },
    ],
  ])('%s', async (_, tamper) => {
    const [token, other] = [app.mint('asha'), app.mint('ben')];
    await whoami(token);
    await whoami(other);
    await tamper(token, other);
    const second = await warm(await app.startSecond());
    const answer = await whoami(token, second);
    expect([answer.status, answer.body.name, sourceOf(answer)]).toEqual([
      200,
      expect.stringContaining('Asha'),
      'identity-service',
    ]);
    const third = await warm(await app.startSecond());
    expect(sourceOf(await whoami(token, third))).toBe('table');
    await Promise.all([second.close(), third.close()]);
  });

  it('keeps no instance with another secret or identity service from asking for itself', async () => {
    const token = app.mint();
    await whoami(token);
    const other = await startApp({ ...app.settings, TOKEN_CACHE_SECRET: 'another secret of enough characters' });
    expect(sourceOf(await whoami(token, other))).toBe('identity-service');
    await other.close();
  });

  function split(token: string) {
    const [partitionKey, rowKey] = keyOf(token);
    return { partitionKey, rowKey };
  }
});

it('lets the setting shorten a verdict', async () => {
  const short = await startApp({ TOKEN_CACHE_TTL_SECONDS: '5' });
  const { validation } = (await whoami(short.mint(), short)).body;
  expect(Date.parse(validation.expiresAt) - Date.parse(validation.validatedAt)).toBe(5_000);
  await short.close();
});
