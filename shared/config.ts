/** The settings, read once from the environment: a frozen Config, or one error that lists every problem. */

/** Where the tables are, by the same settings as the Functions host uses for the app's own storage account. */
export type StorageConfig =
  | { readonly kind: 'connection-string'; readonly connectionString: string }
  | { readonly kind: 'managed-identity'; readonly tableServiceUrl: string; readonly clientId?: string };

/** Where https calls to other machines go through. */
export interface ProxyConfig {
  readonly url: URL;
  /** Hosts and domains that are called directly, in lower case. */
  readonly exceptions: readonly string[];
}

export interface Config {
  /** Without a slash at the end. */
  readonly identityBaseUrl: string;
  /** Of one attempt. */
  readonly identityTimeoutMs: number;
  readonly allowedCardIds: ReadonlySet<string>;
  readonly tokenCacheSecret: string;
  readonly tokenCacheTtlMs: number;
  readonly storage: StorageConfig;
  readonly proxy: ProxyConfig | undefined;
}

/** The configuration has problems. Lists all of them by the setting's name, never with a secret's value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly problems: readonly string[]) {
    super(`The settings are not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

const SECRET_MIN_CHARACTERS = 32;

/** Throws ConfigError. */
export function readConfig(environment: Environment = process.env): Config {
  const problems: string[] = [];
  const settings = new Settings(environment, problems);
  const config: Config = {
    identityBaseUrl: readIdentityBaseUrl(settings),
    identityTimeoutMs: settings.integer('IDENTITY_TIMEOUT_MS', { min: 100, max: 2500, default: 1200 }),
    allowedCardIds: readAllowedCardIds(settings),
    tokenCacheSecret: readTokenCacheSecret(settings),
    tokenCacheTtlMs: settings.integer('TOKEN_CACHE_TTL_SECONDS', { min: 1, max: 1800, default: 1800 }) * 1000,
    storage: readStorage(settings),
    proxy: readProxy(settings),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}

/** Reads one setting at a time and collects what is wrong. An empty value counts as none, as it does in Azure. */
class Settings {
  constructor(
    private readonly environment: Environment,
    private readonly problems: string[],
  ) {}

  optional(name: string): string | undefined {
    return this.environment[name]?.trim() || undefined;
  }

  required(name: string, what: string): string | undefined {
    const value = this.optional(name);
    if (value === undefined) this.problem(name, `is required: ${what}`);
    return value;
  }

  integer(name: string, range: { min: number; max: number; default: number }): number {
    const value = this.optional(name);
    if (value === undefined) return range.default;
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= range.min && number <= range.max) return number;
    this.problem(name, `must be a whole number from ${range.min} to ${range.max}`);
    return range.default;
  }

  problem(name: string, rule: string): void {
    this.problems.push(`${name} ${rule}`);
  }
}

function readIdentityBaseUrl(settings: Settings): string {
  const name = 'IDENTITY_BASE_URL';
  const value = settings.required(name, 'the address of the identity service, such as https://identity.example');
  if (value === undefined) return '';
  // The URL standard mends https:/x into https://x, and so would send tokens to a host that nobody meant.
  const url = /^https?:\/\/[^/\\]/i.test(value) && URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !isSecureOrLoopback(url)) {
    settings.problem(name, 'must be an https address, or http on the loopback interface only');
  } else if (url.username || url.password || url.search || url.hash) {
    settings.problem(name, 'must have no user name, password, query or fragment');
  }
  return url === undefined ? '' : `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

function isSecureOrLoopback(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
}

export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** As in curl and Node, a name in lower case wins, and an address without a scheme is an http proxy's. */
function readProxy(settings: Settings): ProxyConfig | undefined {
  const value = settings.optional('https_proxy') ?? settings.optional('HTTPS_PROXY');
  if (value === undefined) return undefined;
  const address = value.includes('://') ? value : `http://${value}`;
  if (!/^https?:/i.test(address) || !URL.canParse(address)) {
    settings.problem('HTTPS_PROXY', 'must be the address of an http proxy, such as http://proxy.example:8080');
    return undefined;
  }
  const exceptions = settings.optional('no_proxy') ?? settings.optional('NO_PROXY') ?? '';
  return {
    url: new URL(address),
    exceptions: exceptions
      .toLowerCase()
      .split(/[\s,]+/)
      .filter(Boolean),
  };
}

function readAllowedCardIds(settings: Settings): ReadonlySet<string> {
  const name = 'ALLOWED_CARD_IDS';
  const value = settings.required(name, 'the actionPackageIds that may use this API, separated by commas');
  const ids = (value ?? '').split(',').map((id) => id.trim());
  const set = new Set(ids.filter((id) => id !== ''));
  if (value !== undefined && set.size === 0) settings.problem(name, 'must name at least one card');
  return set;
}

function readTokenCacheSecret(settings: Settings): string {
  const name = 'TOKEN_CACHE_SECRET';
  const value = settings.required(name, `at least ${SECRET_MIN_CHARACTERS} random characters`);
  if (value === undefined) return '';
  // An unresolved reference would be one "secret" that everybody knows.
  if (value.startsWith('@Microsoft.KeyVault(')) {
    settings.problem(name, 'is an unresolved Key Vault reference: check the vault, the secret and the role of the app');
  } else if (value.length < SECRET_MIN_CHARACTERS) {
    settings.problem(name, `must have at least ${SECRET_MIN_CHARACTERS} characters`);
  }
  return value;
}

/** As in the host, a connection string wins over the identity settings. */
function readStorage(settings: Settings): StorageConfig {
  const connectionString = settings.optional('AzureWebJobsStorage');
  if (connectionString === undefined) return readIdentityStorage(settings);
  if (!isConnectionString(connectionString)) {
    const rule = 'must be UseDevelopmentStorage=true or the connection string of a storage account';
    settings.problem('AzureWebJobsStorage', rule);
  }
  return { kind: 'connection-string', connectionString };
}

/** What the storage SDK can use, which must be known before the first request, not with it. */
function isConnectionString(value: string): boolean {
  if (/^UseDevelopmentStorage=true;?$/i.test(value)) return true;
  const parts = new Map(value.split(';').map((part) => splitAtFirst(part.trim())));
  const endpoint = parts.get('tableendpoint');
  if (endpoint !== undefined && !URL.canParse(endpoint)) return false;
  if (parts.get('sharedaccesssignature')) return endpoint !== undefined;
  const hasAccount = ['accountname', 'accountkey'].every((key) => parts.get(key));
  const hasPlace = endpoint !== undefined || Boolean(parts.get('endpointsuffix'));
  return hasAccount && hasPlace && /^https?$/i.test(parts.get('defaultendpointsprotocol') ?? '');
}

function splitAtFirst(part: string): [string, string] {
  const at = part.indexOf('=');
  return [part.slice(0, at).toLowerCase(), part.slice(at + 1)];
}

function readIdentityStorage(settings: Settings): StorageConfig {
  const accountName = settings.optional('AzureWebJobsStorage__accountName');
  const tableServiceUri = settings.optional('AzureWebJobsStorage__tableServiceUri');
  const clientId = settings.optional('AzureWebJobsStorage__clientId');
  if (accountName === undefined && tableServiceUri === undefined) {
    settings.problem(
      'AzureWebJobsStorage',
      'is required: a connection string, or AzureWebJobsStorage__accountName or __tableServiceUri for a managed identity',
    );
  } else if (settings.optional('AzureWebJobsStorage__credential')?.toLowerCase() !== 'managedidentity') {
    settings.problem('AzureWebJobsStorage__credential', 'must be managedidentity when there is no connection string');
  }
  if (accountName !== undefined && !/^[a-z0-9]{3,24}$/.test(accountName)) {
    settings.problem('AzureWebJobsStorage__accountName', 'must be 3 to 24 lower-case letters and digits');
  }
  if (tableServiceUri !== undefined && !isHttps(tableServiceUri)) {
    settings.problem('AzureWebJobsStorage__tableServiceUri', 'must be an https address');
  }
  return {
    kind: 'managed-identity',
    tableServiceUrl: (tableServiceUri ?? `https://${accountName}.table.core.windows.net`).replace(/\/+$/, ''),
    ...(clientId === undefined ? {} : { clientId }),
  };
}

function isHttps(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'https:';
}
