/** The settings stand in the code, in the sample and in the README: one list, three places. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readConfig } from '../../shared/config';

const root = path.join(__dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

/** Which settings the code asks for, by watching it ask. */
function settingsOfCode(): string[] {
  const asked = new Set<string>();
  const watched = (values: Record<string, string>) =>
    new Proxy(values, {
      get: (target, name) => {
        asked.add(String(name));
        return Reflect.get(target, name);
      },
    });
  for (const values of [{}, { AzureWebJobsStorage: 'x' }, { AzureWebJobsStorage__accountName: 'x' }]) {
    expect(() => readConfig(watched(values as Record<string, string>))).toThrow();
  }
  // These belong to the machine, as for any program; docs/operations.md describes them.
  return [...asked].filter((name) => !/_proxy$/i.test(name)).sort();
}

const settings = settingsOfCode();
const sample = JSON.parse(read('local.settings.sample.json')) as { Values: Record<string, string> };

it('the README describes each setting that the code reads, and no other', () => {
  const table = read('README.md').split('## Settings')[1]?.split('\n## ')[0] ?? '';
  const described = [...table.matchAll(/`([A-Z][A-Za-z]*(?:_+[A-Za-z]+)*)`/g)].map(([, name]) => name);
  expect([...new Set(described)].sort()).toEqual(settings);
});

it('the sample settings hold each of them, save those for a managed identity', () => {
  const local = settings.filter((name) => !name.startsWith('AzureWebJobsStorage__'));
  const notOurs = ['FUNCTIONS_WORKER_RUNTIME']; // func start asks for it
  expect(Object.keys(sample.Values).sort()).toEqual([...local, ...notOurs].sort());
});

it('the sample settings are good once the secret is filled in, and hold none themselves', () => {
  expect(sample.Values['TOKEN_CACHE_SECRET']).toBe('');
  const { identityTimeoutMs, tokenCacheTtlMs } = readConfig({ ...sample.Values, TOKEN_CACHE_SECRET: 'x'.repeat(32) });
  const { ALLOWED_CARD_IDS, IDENTITY_BASE_URL, AzureWebJobsStorage } = sample.Values;
  const defaults = readConfig({
    ALLOWED_CARD_IDS,
    IDENTITY_BASE_URL,
    AzureWebJobsStorage,
    TOKEN_CACHE_SECRET: 'x'.repeat(32),
  });
  expect([identityTimeoutMs, tokenCacheTtlMs]).toEqual([defaults.identityTimeoutMs, defaults.tokenCacheTtlMs]);
});

it('the docs say which variables of a proxy are read', () => {
  const section = read('docs/operations.md').split('\n## Proxies\n')[1]?.split('\n## ')[0] ?? '';
  for (const name of ['HTTPS_PROXY', 'NO_PROXY']) expect(section).toContain(`\`${name}\``);
});
