/** What an operator sees in the log of settings that are wrong. */
import { startApp } from '../harness/app';

it('a misspelt setting is one warning at the start, by name only', async () => {
  const app = await startApp({ IDENTITY_TIMEOUT: 'SENTINEL', IDENTITY_ENDPOINT: 'http://169.254.129.2/msi/token' });
  const lines = app.lines.filter((line) => line.includes('setting_unknown'));
  expect(lines).toEqual([expect.stringContaining('IDENTITY_TIMEOUT is not a setting: is IDENTITY_TIMEOUT_MS meant?')]);
  expect(lines[0]).toContain('"level":"warn"');
  expect(app.lines.join('\n')).not.toContain('SENTINEL');
  await app.close();
});

it('bad settings stop the start with one line that names each of them', async () => {
  const error = await startApp({ IDENTITY_BASE_URL: '', TOKEN_CACHE_SECRET: 'SENTINEL' }).catch(
    (thrown: Error) => thrown,
  );
  expect(error).toBeInstanceOf(Error);
  expect((error as Error).message).toMatch(/The settings are not usable: IDENTITY_BASE_URL .*; TOKEN_CACHE_SECRET .*$/);
  expect((error as Error).message).not.toMatch(/SENTINEL|\n/);
});
