/** How `local.settings.json` is read, and what each mistake in it is answered with. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LocalError } from '../../local/local-error';
import { localEnvironment, readLocalSettings } from '../../local/settings';

const directory = mkdtempSync(path.join(tmpdir(), 'local-settings-'));
const file = path.join(directory, 'local.settings.json');
afterAll(() => rmSync(directory, { recursive: true }));

const read = (settings: unknown) => {
  writeFileSync(file, typeof settings === 'string' ? settings : JSON.stringify(settings));
  return readLocalSettings(file);
};

test('reads values and CORS', () => {
  const settings = {
    IsEncrypted: false,
    Values: { A: '1' },
    Host: { CORS: 'http://localhost:5173, https://card.example', CORSCredentials: true },
  };
  expect(read(settings)).toEqual({
    values: { A: '1' },
    cors: { origins: ['http://localhost:5173', 'https://card.example'], credentials: true },
  });
});

test('reads a file that begins with a byte order mark, as editors on Windows write it', () => {
  expect(read(`\uFEFF${JSON.stringify({ IsEncrypted: false, Values: { A: '1' } })}`)).toEqual({ values: { A: '1' } });
});

test.each([
  ['no JSON', '{ "Values": hush }', 'local.settings.json is not valid JSON (line 1, column 13).'],
  ['a cut file', '{\n  "Values": {', 'local.settings.json is not valid JSON (line 2, column 14).'],
  ['no object', [], 'local.settings.json must hold a JSON object.'],
  ['no IsEncrypted, which means true', { Values: {} }, 'local.settings.json has no "IsEncrypted": false: '],
  ['encrypted', { IsEncrypted: true, Values: { A: 'hush' } }, 'local.settings.json has no "IsEncrypted": false: '],
  ['Values as a list', { IsEncrypted: false, Values: ['hush'] }, '"Values" in local.settings.json must be an object'],
  [
    'a value that is no string',
    { IsEncrypted: false, Values: { A: 1 } },
    '"Values.A" in local.settings.json must be a',
  ],
  ['CORS as a list', { IsEncrypted: false, Host: { CORS: ['*'] } }, '"Host.CORS" in local.settings.json must be a'],
  [
    'any origin with credentials',
    { IsEncrypted: false, Host: { CORS: '*', CORSCredentials: true } },
    '"Host.CORS" in ',
  ],
])('says in one sentence: %s', (_case, settings, message) => {
  const thrown = caught(() => read(settings));
  expect(thrown).toBeInstanceOf(LocalError);
  expect(thrown.message).toContain(message);
  expect(thrown.message).not.toMatch(/hush|\n/);
});

test('says how to make a missing file', () => {
  expect(() => readLocalSettings(path.join(directory, 'other.json'))).toThrow(
    /^other\.json is missing: "npm run prepare"/,
  );
});

test('lets a variable of the environment win, unless it is empty, and adds what Core Tools add', () => {
  const values = { A: 'file', B: 'file', WEBSITE_HOSTNAME: 'file' };
  const env = localEnvironment(
    values,
    { A: 'environment', B: '', C: 'environment' },
    { port: 7071, appDirectory: '/app' },
  );
  expect(env).toEqual({
    A: 'environment',
    B: 'file',
    C: 'environment',
    AZURE_FUNCTIONS_ENVIRONMENT: 'Development',
    AzureWebJobsScriptRoot: '/app',
    WEBSITE_HOSTNAME: 'file',
  });
});

function caught(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('Nothing was thrown.');
}
