import { ConfigError, readConfig } from '../../shared/config';

const good = {
  IDENTITY_BASE_URL: 'https://identity.example',
  ALLOWED_CARD_IDS: 'card-a,card-b',
  TOKEN_CACHE_SECRET: 'SENTINEL-secret-of-many-characters',
  AzureWebJobsStorage: 'UseDevelopmentStorage=true',
};
const inAzure = { ...good, AzureWebJobsStorage: '', AzureWebJobsStorage__credential: 'managedidentity' };

function problems(settings: Record<string, string | undefined>): readonly string[] {
  try {
    readConfig(settings);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

it('reads the settings, with defaults for what is optional, and freezes them', () => {
  const config = readConfig(good);
  expect(config).toEqual({
    identityBaseUrl: 'https://identity.example',
    identityTimeoutMs: 1_200,
    allowedCardIds: new Set(['card-a', 'card-b']),
    tokenCacheSecret: good.TOKEN_CACHE_SECRET,
    tokenCacheTtlMs: 1_800_000,
    storage: { kind: 'connection-string', connectionString: 'UseDevelopmentStorage=true' },
  });
  expect(Object.isFrozen(config)).toBe(true);
});

it('keeps the path of the address, and drops the blanks around values and card ids', () => {
  const config = readConfig({
    ...good,
    IDENTITY_BASE_URL: ' https://identity.example/kaizala/ ',
    ALLOWED_CARD_IDS: 'card-a, card-b,',
    TOKEN_CACHE_SECRET: ` ${good.TOKEN_CACHE_SECRET}\n`,
  });
  expect(config.identityBaseUrl).toBe('https://identity.example/kaizala');
  expect(config.allowedCardIds).toEqual(new Set(['card-a', 'card-b']));
  expect(config.tokenCacheSecret).toBe(good.TOKEN_CACHE_SECRET);
});

it('lists every problem in one message, by name, and no value of a secret', () => {
  const error = (() => {
    try {
      return readConfig({ TOKEN_CACHE_SECRET: 'SENTINEL', TOKEN_CACHE_TTL_SECONDS: '0', IDENTITY_TIMEOUT_MS: 'x' });
    } catch (thrown) {
      return thrown as ConfigError;
    }
  })() as ConfigError;
  const names = [
    'IDENTITY_BASE_URL',
    'IDENTITY_TIMEOUT_MS',
    'ALLOWED_CARD_IDS',
    'TOKEN_CACHE_SECRET',
    'TOKEN_CACHE_TTL_SECONDS',
    'AzureWebJobsStorage',
  ];
  expect(error.problems.map((problem) => problem.split(' ')[0])).toEqual(names);
  for (const problem of error.problems) expect(error.message).toContain(problem);
  expect(error.message).not.toContain('SENTINEL');
});

describe('accepts', () => {
  it.each([
    ['http on localhost', { IDENTITY_BASE_URL: 'http://localhost:7072' }],
    ['http on 127.0.0.1', { IDENTITY_BASE_URL: 'http://127.0.0.1:7072/' }],
    ['http on ::1', { IDENTITY_BASE_URL: 'http://[::1]:7072' }],
    ['the ends of the ranges', { IDENTITY_TIMEOUT_MS: '100', TOKEN_CACHE_TTL_SECONDS: '1800' }],
    ['an empty value as none', { IDENTITY_TIMEOUT_MS: '', TOKEN_CACHE_TTL_SECONDS: ' ' }],
    [
      'an account connection string',
      {
        AzureWebJobsStorage:
          'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;EndpointSuffix=core.windows.net',
      },
    ],
    [
      'blanks in a connection string, and = in its values',
      {
        AzureWebJobsStorage:
          'DefaultEndpointsProtocol=https; AccountName=a; AccountKey=a2V5MQ==; EndpointSuffix=core.windows.net',
      },
    ],
    ['the emulator with a semicolon', { AzureWebJobsStorage: 'UseDevelopmentStorage=true;' }],
    [
      'managedidentity in any letter case',
      {
        AzureWebJobsStorage: '',
        AzureWebJobsStorage__accountName: 'a'.repeat(24),
        AzureWebJobsStorage__credential: 'ManagedIdentity',
      },
    ],
    [
      'a SAS connection string',
      { AzureWebJobsStorage: 'TableEndpoint=https://a.table.core.windows.net;SharedAccessSignature=sv=1&sig=x' },
    ],
  ])('%s', (_, settings) => expect(problems({ ...good, ...settings })).toEqual([]));
});

describe('refuses', () => {
  it.each([
    ['IDENTITY_BASE_URL', 'identity.example'],
    ['IDENTITY_BASE_URL', 'http://identity.example'],
    ['IDENTITY_BASE_URL', 'http://127.0.0.1.evil.example'],
    ['IDENTITY_BASE_URL', 'ftp://127.0.0.1'],
    ['IDENTITY_BASE_URL', 'https://user:pw@identity.example'],
    ['IDENTITY_BASE_URL', 'https://user@identity.example'],
    ['IDENTITY_BASE_URL', 'https://:pw@identity.example'],
    ['IDENTITY_BASE_URL', 'https://identity.example?x=1'],
    ['IDENTITY_BASE_URL', 'https://identity.example#x'],
    ['IDENTITY_BASE_URL', 'https:/x/identity.example'],
    ['IDENTITY_BASE_URL', 'https:///identity.example'],
    ['IDENTITY_BASE_URL', 'https:\\\\identity.example'],
    ['IDENTITY_TIMEOUT_MS', '99'],
    ['IDENTITY_TIMEOUT_MS', '2501'],
    ['IDENTITY_TIMEOUT_MS', '1e3'],
    ['IDENTITY_TIMEOUT_MS', '-100'],
    ['TOKEN_CACHE_TTL_SECONDS', '0'],
    ['TOKEN_CACHE_TTL_SECONDS', '1801'],
    ['TOKEN_CACHE_TTL_SECONDS', '1.5'],
    ['ALLOWED_CARD_IDS', ''],
    ['ALLOWED_CARD_IDS', ' , '],
    ['TOKEN_CACHE_SECRET', 'a'.repeat(31)],
    ['TOKEN_CACHE_SECRET', ' '.repeat(40)],
    ['TOKEN_CACHE_SECRET', '@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/x)'],
    ['AzureWebJobsStorage', 'UseDevelopmentStorage=false'],
    ['AzureWebJobsStorage', 'nonsense'],
    ['AzureWebJobsStorage', 'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=;EndpointSuffix=core.windows.net'],
    ['AzureWebJobsStorage', 'DefaultEndpointsProtocol=https;AccountKey=a2V5;EndpointSuffix=core.windows.net'],
    ['AzureWebJobsStorage', 'AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:10002/a'],
    ['AzureWebJobsStorage', 'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5'],
    ['AzureWebJobsStorage', 'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;TableEndpoint=nowhere'],
    ['AzureWebJobsStorage', 'SharedAccessSignature=sv=1&sig=x'],
  ])('%s = %s', (name, value) => {
    const found = problems({ ...good, [name]: value });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${name} `));
  });
});

describe('a managed identity', () => {
  it('is taken from the settings that the host uses', () => {
    const settings = {
      ...inAzure,
      AzureWebJobsStorage__accountName: 'myaccount',
      AzureWebJobsStorage__clientId: 'c-1',
    };
    expect(readConfig(settings).storage).toEqual({
      kind: 'managed-identity',
      tableServiceUrl: 'https://myaccount.table.core.windows.net',
      clientId: 'c-1',
    });
  });

  it('may name the table service itself, and be the system-assigned one', () => {
    const settings = { ...inAzure, AzureWebJobsStorage__tableServiceUri: 'https://a.table.core.usgovcloudapi.net/' };
    expect(readConfig(settings).storage).toEqual({
      kind: 'managed-identity',
      tableServiceUrl: 'https://a.table.core.usgovcloudapi.net',
    });
  });

  it('gives way to a connection string, as in the host', () => {
    expect(readConfig({ ...good, AzureWebJobsStorage__accountName: 'myaccount' }).storage.kind).toBe(
      'connection-string',
    );
  });

  it.each([
    ['AzureWebJobsStorage', {}],
    [
      'AzureWebJobsStorage__credential',
      { AzureWebJobsStorage__accountName: 'abc', AzureWebJobsStorage__credential: '' },
    ],
    ['AzureWebJobsStorage__accountName', { AzureWebJobsStorage__accountName: 'Not-Valid' }],
    ['AzureWebJobsStorage__accountName', { AzureWebJobsStorage__accountName: 'ab' }],
    ['AzureWebJobsStorage__accountName', { AzureWebJobsStorage__accountName: 'a'.repeat(25) }],
    ['AzureWebJobsStorage__tableServiceUri', { AzureWebJobsStorage__tableServiceUri: 'nonsense' }],
    ['AzureWebJobsStorage__tableServiceUri', { AzureWebJobsStorage__tableServiceUri: 'http://a.example' }],
  ])('is refused with a word on %s', (name, settings) => {
    expect(problems({ ...inAzure, ...settings })).toEqual([expect.stringMatching(new RegExp(`^${name} `))]);
  });
});
