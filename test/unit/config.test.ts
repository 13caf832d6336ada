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
    warnings: [],
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

it('lists every problem in one line, by name, and no value of a secret', () => {
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
  expect(error.message).not.toMatch(/SENTINEL|[\r\n]/);
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
    [
      'a local account by http',
      {
        AzureWebJobsStorage:
          'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:10002/a;',
      },
    ],
    [
      'a local account by http, with blobs and queues, on localhost and ::1',
      {
        AzureWebJobsStorage:
          'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://localhost:10000/a;QueueEndpoint=http://127.0.0.2:10001/a;TableEndpoint=http://[::1]:10002/a',
      },
    ],
    [
      'a local SAS by http',
      { AzureWebJobsStorage: 'TableEndpoint=http://localhost:10002/a;SharedAccessSignature=sv=1&sig=x' },
    ],
    [
      'HTTPS in capitals',
      {
        AzureWebJobsStorage:
          'DefaultEndpointsProtocol=HTTPS;AccountName=a;AccountKey=a2V5;EndpointSuffix=core.windows.net',
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
    ['TOKEN_CACHE_SECRET', '@microsoft.keyvault(SecretUri=https://vault.example/secrets/x)'],
    ['TOKEN_CACHE_SECRET', '@MICROSOFT.KEYVAULT(VaultName=vault;SecretName=secret-of-many-characters)'],
    ['TOKEN_CACHE_SECRET', '"@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/x)"'],
    ['TOKEN_CACHE_SECRET', "'@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/x)'"],
    ['TOKEN_CACHE_SECRET', '" @Microsoft.KeyVault(SecretUri=https://vault.example/secrets/x) "'],
    ['TOKEN_CACHE_SECRET', '\u00a0\t@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/x)'],
    ['TOKEN_CACHE_SECRET', '@Microsoft.KeyVault (SecretUri=https://vault.example/secrets/x)'],
    ['TOKEN_CACHE_SECRET', '@ Microsoft . Key Vault ( SecretUri = https://vault.example/secrets/x )'],
    ['TOKEN_CACHE_SECRET', '\u201c@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/x)\u201d'],
    ['AzureWebJobsStorage', 'UseDevelopmentStorage=false'],
    [
      'AzureWebJobsStorage',
      'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;EndpointSuffix=core.windows.net',
    ],
    [
      'AzureWebJobsStorage',
      'DefaultEndpointsProtocol=HTTP;AccountName=a;AccountKey=a2V5;EndpointSuffix=core.windows.net',
    ],
    [
      'AzureWebJobsStorage',
      'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;TableEndpoint=https://a.table.core.windows.net',
    ],
    [
      'AzureWebJobsStorage',
      'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;TableEndpoint=http://a.table.core.windows.net',
    ],
    [
      'AzureWebJobsStorage',
      'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1.evil.example',
    ],
    [
      'AzureWebJobsStorage',
      'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://a.example;EndpointSuffix=core.windows.net',
    ],
    [
      'AzureWebJobsStorage',
      'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;TableEndpoint=http://a.example;TableEndpoint=https://a.example',
    ],
    [
      'AzureWebJobsStorage',
      'DefaultEndpointsProtocol=http;DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;EndpointSuffix=core.windows.net',
    ],
    ['AzureWebJobsStorage', 'TableEndpoint=http://a.table.core.windows.net;SharedAccessSignature=sv=1&sig=x'],
    ['AzureWebJobsStorage', 'TableEndpoint=https:/a.table.core.windows.net;SharedAccessSignature=sv=1&sig=x'],
    ['AzureWebJobsStorage', 'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;EndpointSuffix='],
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
    ['AzureWebJobsStorage__tableServiceUri', { AzureWebJobsStorage__tableServiceUri: 'https:/a.example' }],
    // The SDK sends a managed identity's access token by https only.
    ['AzureWebJobsStorage__tableServiceUri', { AzureWebJobsStorage__tableServiceUri: 'http://127.0.0.1:10002/a' }],
  ])('is refused with a word on %s', (name, settings) => {
    expect(problems({ ...inAzure, ...settings })).toEqual([expect.stringMatching(new RegExp(`^${name} `))]);
  });
});

describe('a misspelt setting', () => {
  const warnings = (...names: string[]) => {
    const misspelt = Object.fromEntries(names.map((name) => [name, 'SENTINEL']));
    return readConfig({ ...good, ...misspelt }).warnings;
  };

  it.each([
    ['IDENTITY_TIMEOUT', 'IDENTITY_TIMEOUT_MS'],
    ['IDENTITY_TIMEOUT_MSEC', 'IDENTITY_TIMEOUT_MS'],
    ['IDENTITY_TIMEOUT_SECONDS', undefined],
    ['IDENTITY_BASE_URI', 'IDENTITY_BASE_URL'],
    ['IDENTITY_BASE_UPI', 'IDENTITY_BASE_URL'],
    ['IDENTITY_BASE_URLS', 'IDENTITY_BASE_URL'],
    ['IDENTITY_BASEURL', 'IDENTITY_BASE_URL'],
    ['IDENTIY_BASE_URL', 'IDENTITY_BASE_URL'],
    ['IDENTITY_BASE', 'IDENTITY_BASE_URL'],
    ['IDENTITY_BASE_URL_OLD', 'IDENTITY_BASE_URL'],
    ['identity_base_url', 'IDENTITY_BASE_URL'],
    ['ALLOWED_CARD_ID', 'ALLOWED_CARD_IDS'],
    ['ALLOWED_CARDS_ID', 'ALLOWED_CARD_IDS'],
    ['ALLOWED_CARD', 'ALLOWED_CARD_IDS'],
    ['TOKEN_CACHE_TTL', 'TOKEN_CACHE_TTL_SECONDS'],
    ['TOKEN_CACHE_TTL_SECOND', 'TOKEN_CACHE_TTL_SECONDS'],
    ['TOKEN_CACHE_SECRETS', 'TOKEN_CACHE_SECRET'],
    ['TOKEN_CASHE_SERCET', undefined], // three edits
    ['AzureWebJobStorage', 'AzureWebJobsStorage'],
    ['AZUREWEBJOBSSTORAGE', 'AzureWebJobsStorage'],
    ['TOKEN', undefined],
    ['IDENTITY', undefined],
    ['', undefined],
  ])('%s is told by name only: %s is meant', (name, meant) => {
    expect(warnings(name)).toEqual(meant === undefined ? [] : [`${name} is not a setting: is ${meant} meant?`]);
  });

  it('is told for a managed identity, too', () => {
    const settings = { ...inAzure, AzureWebJobsStorage__accountName: 'abc', AzureWebJobsStorage__clientID: 'SENTINEL' };
    expect(readConfig(settings).warnings).toEqual([
      'AzureWebJobsStorage__clientID is not a setting: is AzureWebJobsStorage__clientId meant?',
    ]);
  });

  it('is told next to the problem that it makes', () => {
    const { IDENTITY_BASE_URL, ...rest } = good;
    expect(problems({ ...rest, IDENTITY_BASE_URI: IDENTITY_BASE_URL })).toEqual([
      expect.stringMatching(/^IDENTITY_BASE_URL is required/),
      'IDENTITY_BASE_URI is not a setting: is IDENTITY_BASE_URL meant?',
    ]);
  });

  it('is not seen in what others set: a deployed app, an ordinary shell, and the names that look like ours', () => {
    expect(DEPLOYED_APP.length).toBeGreaterThan(60);
    expect(warnings(...DEPLOYED_APP, ...SHELL)).toEqual([]);
    const managed = { ...inAzure, AzureWebJobsStorage__accountName: 'abc' };
    const others = Object.fromEntries([...DEPLOYED_APP, ...SHELL].map((name) => [name, 'x']));
    expect(readConfig({ ...others, ...managed }).warnings).toEqual([]);
    expect(
      warnings(
        'IDENTITY_ENDPOINT',
        'IDENTITY_HEADER',
        'ALLOWED_ORIGINS',
        'IDENTITY_SERVICE_PORT',
        'IDENTITY_SERVER_THUMBPRINT',
      ),
    ).toEqual([]);
  });
});

/** What a function app on Azure finds in its environment. App Service repeats each setting with APPSETTING_ before it. */
const DEPLOYED_APP = [
  ...`APPLICATIONINSIGHTS_CONNECTION_STRING APPLICATIONINSIGHTS_AUTHENTICATION_STRING APPINSIGHTS_INSTRUMENTATIONKEY
  ApplicationInsightsAgent_EXTENSION_VERSION AzureFunctionsJobHost__logging__logLevel__default AzureWebJobsFeatureFlags
  AzureWebJobsScriptRoot AzureWebJobsSecretStorageType AzureWebJobsSecretStorageKeyVaultUri AzureWebJobsDashboard
  AzureWebJobsDisableHomepage AzureWebJobsStorage__blobServiceUri AzureWebJobsStorage__queueServiceUri
  AzureWebJobsStorage__fileServiceUri AzureWebJobsStorage__tenantId AzureWebJobsStorage__serviceUri
  AZURE_FUNCTIONS_ENVIRONMENT ASPNETCORE_URLS ASPNETCORE_CONTENTROOT CONTAINER_NAME CONTAINER_ENCRYPTION_KEY
  CONTAINER_IMAGE_URL CONTAINER_START_CONTEXT_SAS_URI DIAGNOSTIC_LOGS_MOUNT_PATH DOTNET_CLI_TELEMETRY_OPTOUT
  DOTNET_RUNNING_IN_CONTAINER DOTNET_USE_POLLING_FILE_WATCHER ENABLE_ORYX_BUILD FUNCTIONS_EXTENSION_VERSION
  FUNCTIONS_LOGS_MOUNT_PATH FUNCTIONS_WORKER_RUNTIME FUNCTIONS_WORKER_RUNTIME_VERSION FUNCTIONS_WORKER_PROCESS_COUNT
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT FUNCTIONS_NODE_BLOCK_ON_ENTRY_POINT_ERROR HOST_VERSION HOSTNAME HTTP_LOGGING_ENABLED
  IDENTITY_ENDPOINT IDENTITY_HEADER MSI_ENDPOINT MSI_SECRET LEGION_SERVICE_HOST MESH_INIT_URI NODE_PATH ORYX_ENV_TYPE
  PLATFORM_VERSION REGION_NAME SCM_COMMIT_ID SCM_DO_BUILD_DURING_DEPLOYMENT SCM_RUN_FROM_PACKAGE
  WEBSITES_ENABLE_APP_SERVICE_STORAGE WEBSITE_AUTH_ENABLED WEBSITE_AUTH_ENCRYPTION_KEY WEBSITE_AUTH_SIGNING_KEY
  WEBSITE_CLOUD_ROLENAME WEBSITE_CONTENTAZUREFILECONNECTIONSTRING WEBSITE_CONTENTSHARE WEBSITE_CORS_ALLOWED_ORIGINS
  WEBSITE_CORS_SUPPORT_CREDENTIALS WEBSITE_CURRENT_STAMPNAME WEBSITE_DEPLOYMENT_ID WEBSITE_ENABLE_SYNC_UPDATE_SITE
  WEBSITE_HOME_STAMPNAME WEBSITE_HOSTNAME WEBSITE_INSTANCE_ID WEBSITE_MOUNT_ENABLED WEBSITE_NODE_DEFAULT_VERSION
  WEBSITE_OWNER_NAME WEBSITE_PLACEHOLDER_MODE WEBSITE_POD_NAME WEBSITE_RESOURCE_GROUP WEBSITE_RUN_FROM_PACKAGE
  WEBSITE_SITE_NAME WEBSITE_SKU WEBSITE_SLOT_NAME WEBSITE_STAMP_DEPLOYMENT_ID WEBSITE_TIME_ZONE WEBSITE_USE_ZIP
  WEBSITE_VNET_ROUTE_ALL languageWorkers__node__arguments languageWorkers__workersDirectory`.split(/\s+/),
  ...Object.keys({ ...good, ...inAzure }).map((name) => `APPSETTING_${name}`),
];

const SHELL = `PATH HOME USER LOGNAME SHELL LANG LC_ALL TERM TERM_PROGRAM PWD OLDPWD SHLVL TMPDIR EDITOR PAGER DISPLAY
  SSH_AUTH_SOCK XDG_RUNTIME_DIR NVM_DIR NVM_BIN NODE_ENV NODE_OPTIONS NODE_AUTH_TOKEN NPM_TOKEN GITHUB_TOKEN GH_TOKEN
  TOKEN SECRET BASE_URL API_URL PORT HOST CI INIT_CWD npm_config_cache npm_lifecycle_event npm_package_name
  npm_config_user_agent HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy no_proxy AZURE_CONFIG_DIR AZURE_TENANT_ID AZURE_CLIENT_ID
  AZURE_CLIENT_SECRET AZURE_STORAGE_CONNECTION_STRING AZURE_STORAGE_ACCOUNT AzureWebJobs FUNCTIONS_CORE_TOOLS_TELEMETRY_OPTOUT
  COMPUTERNAME USERPROFILE APPDATA LOCALAPPDATA ProgramFiles SystemRoot PATHEXT _ CACHE_TTL`.split(/\s+/);
