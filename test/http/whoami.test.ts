import { type App, startApp } from '../harness/app';

let app: App;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

it('tells who the token belongs to, and where the answer came from', async () => {
  const token = app.mint('asha');
  const first = await app.get('/api/whoami', { authorization: `Bearer ${token}` });
  expect(first.status).toBe(200);
  expect(first.headers.get('cache-control')).toBe('no-store');
  expect(first.body).toEqual({
    id: expect.any(String),
    name: expect.stringContaining('Asha'),
    phoneNumber: expect.any(String),
    pictureUrl: expect.stringMatching(/^https:/),
    actionPackageId: app.card,
    validation: {
      source: 'identity-service',
      validatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      expiresAt: expect.stringMatching(/Z$/),
      remainingSeconds: expect.any(Number),
    },
  });
  const { remainingSeconds, validatedAt, expiresAt } = first.body.validation;
  expect(remainingSeconds).toBeGreaterThan(1_790);
  expect(remainingSeconds).toBeLessThanOrEqual(1_800);
  expect(Date.parse(expiresAt) - Date.parse(validatedAt)).toBeLessThanOrEqual(1_800_000);

  const second = await app.get('/api/whoami', { accessToken: token });
  expect(second.body.validation).toMatchObject({ source: 'memory', validatedAt, expiresAt });
});
