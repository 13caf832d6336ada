/** Canaries: what must never be logged, nor shown in an error, whatever goes wrong. */
import { type App, startApp } from '../harness/app';
import { listRows, openTable } from '../harness/tables';

let app: App;
beforeEach(async () => {
  app = await startApp({ IDENTITY_TIMEOUT_MS: '100' });
});
afterEach(() => app.close());

it('logs no token, name, phone number or secret, and shows none in an error', async () => {
  const token = app.mint();
  const bearer = { authorization: `Bearer ${token}` };
  const { body: asha } = await app.get('/api/whoami', bearer);
  const errors = [
    await app.get('/api/whoami', { ...bearer, accessToken: token }),
    await app.get('/api/whoami', { authorization: `Bearer ${token}$` }),
    await app.get('/api/whoami', { accessToken: `${token}x` }),
    await app.get(`/api/notes/${token}`, bearer),
    await app.get(`/api/notes?cursor=${token}`, bearer),
    await app.post('/api/notes', `{"accessToken":"${token}",`, bearer),
    await app.post('/api/notes', { accessToken: `${token}\r\n`, item: asha.name }),
    await app.post('/api/notes', { item: asha.name, quantity: asha.phoneNumber, accessToken: app.mint() }),
    await app.get('/api/whoami', { accessToken: app.identity.mint({ card: 'other' }) }),
  ];
  app.identity.fault({ kind: 'body', status: 200, contentType: 'text/html', body: `${asha.name} ${asha.phoneNumber}` });
  errors.push(await app.get('/api/whoami', { accessToken: app.mint() }));
  app.identity.fault({ kind: 'hang' });
  errors.push(await app.get('/api/whoami', { accessToken: app.mint() }));

  expect(errors.map(({ status }) => status)).toEqual([400, 401, 401, 404, 400, 400, 401, 400, 403, 503, 503]);
  const written = [...app.lines, ...errors.map(({ text, headers }) => text + JSON.stringify([...headers]))].join('\n');
  expect(app.lines.length).toBeGreaterThan(errors.length);
  for (const canary of [token.split('.')[1], asha.name, asha.phoneNumber, app.settings['TOKEN_CACHE_SECRET']]) {
    expect(canary).toBeTruthy();
    expect(written).not.toContain(canary);
  }
});

it("puts no name, phone number or token of its caller into a collection's table", async () => {
  const token = app.mint();
  const bearer = { authorization: `Bearer ${token}` };
  const { body: asha } = await app.get('/api/whoami', bearer);
  const note = { item: 'Tea', quantity: 2 };
  const { body } = await app.post('/api/notes', note, { ...bearer, 'idempotency-key': 'secret-key' });
  const rows = await listRows(openTable('notes'));
  const { partitionKey } = rows.find(({ rowKey }) => String(rowKey).endsWith(body.id)) ?? {};
  const written = JSON.stringify(rows.filter((row) => row['partitionKey'] === partitionKey));
  for (const expected of [asha.id, 'Tea', 'key-']) expect(written).toContain(expected);
  for (const canary of [asha.name, asha.phoneNumber, asha.pictureUrl, token.split('.')[1], 'secret-key']) {
    expect(canary).toBeTruthy();
    expect(written).not.toContain(canary);
  }
});
