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
  /** One sentence for each setting that looks misspelt, by name only. */
  readonly warnings: readonly string[];
}

/** Lists every problem by the setting's name, without its value. One line, since the host splits messages at breaks. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly problems: readonly string[]) {
    super(`The settings are not usable: ${problems.join('; ')}`);
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

const SECRET_MIN_CHARACTERS = 32;

/** Throws ConfigError. */
export function readConfig(environment: Environment = process.env): Config {
  const settings = new Settings(environment);
  const config: Config = {
    identityBaseUrl: readIdentityBaseUrl(settings),
    identityTimeoutMs: settings.integer('IDENTITY_TIMEOUT_MS', { min: 100, max: 2500, default: 1200 }),
    allowedCardIds: readAllowedCardIds(settings),
    tokenCacheSecret: readTokenCacheSecret(settings),
    tokenCacheTtlMs: settings.integer('TOKEN_CACHE_TTL_SECONDS', { min: 1, max: 1800, default: 1800 }) * 1000,
    storage: readStorage(settings),
    proxy: readProxy(environment, settings),
    warnings: settings.misspelt(),
  };
  if (settings.problems.length > 0) throw new ConfigError([...settings.problems, ...config.warnings]);
  return Object.freeze(config);
}

/** Reads the settings one by one and collects what is wrong. An empty value counts as none, as it does in Azure. */
class Settings {
  readonly problems: string[] = [];
  private readonly asked = new Set<string>();
  constructor(private readonly environment: Environment) {}

  optional(name: string): string | undefined {
    this.asked.add(name);
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

  /** Call it last: it compares with the settings that have been read. */
  misspelt(): string[] {
    const others = Object.keys(this.environment).filter((name) => !this.asked.has(name));
    const pairs = others.map((name) => ({ name, meant: [...this.asked].find((setting) => isMisspelt(name, setting)) }));
    return pairs.flatMap(({ name, meant }) => (meant ? [`${name} is not a setting: is ${meant} meant?`] : []));
  }
}

/** Whether it cuts or extends the setting, or is within two edits of it. The host reads longer names of its storage. */
function isMisspelt(name: string, setting: string): boolean {
  const isPart = name.startsWith(setting) || (setting.startsWith(name) && name.includes('_'));
  return (isPart && !setting.startsWith('AzureWebJobs')) || isWithin(2, name.toLowerCase(), setting.toLowerCase());
}

/** One edit inserts, deletes or replaces a character. */
function isWithin(edits: number, a: string, b: string): boolean {
  if (a === b || edits === 0) return a === b;
  if (a[0] === b[0]) return isWithin(edits, a.slice(1), b.slice(1));
  const rest = edits - 1;
  return isWithin(rest, a.slice(1), b) || isWithin(rest, a, b.slice(1)) || isWithin(rest, a.slice(1), b.slice(1));
}

function readIdentityBaseUrl(settings: Settings): string {
  const name = 'IDENTITY_BASE_URL';
  const value = settings.required(name, 'the address of the identity service, such as https://identity.example');
  if (value === undefined) return '';
  const url = isSecureOrLoopback(value) ? new URL(value) : undefined;
  if (url === undefined) {
    settings.problem(name, 'must be an https address, or http on the loopback interface only');
  } else if (url.username || url.password || url.search || url.hash) {
    settings.problem(name, 'must have no user name, password, query or fragment');
  }
  return url === undefined ? '' : `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

/** Whether it is an https address, or http on the loopback interface. */
function isSecureOrLoopback(text: string): boolean {
  // The URL standard turns https:/x into https://x, and so would send tokens to a host that no one meant.
  if (!/^https?:\/\/[^/\\]/i.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  return url.protocol === 'https:' || isLoopback(url);
}

export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** As in curl and Node, a name in lower case wins, and an address without a scheme is an http proxy's. */
function readProxy(environment: Environment, settings: Settings): ProxyConfig | undefined {
  const value = environment['https_proxy'] || environment['HTTPS_PROXY'];
  if (!value) return undefined;
  const address = value.includes('://') ? value : `http://${value}`;
  const exceptions = (environment['no_proxy'] || environment['NO_PROXY'] || '').toLowerCase().match(/[^\s,]+/g) ?? [];
  if (/^https?:/i.test(address) && URL.canParse(address)) return { url: new URL(address), exceptions };
  settings.problem('HTTPS_PROXY', 'must be the address of an http proxy, such as http://proxy.example:8080');
  return undefined;
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
  // An unresolved reference is known to everyone who knows the names. Quotes or blanks can be why it is unresolved.
  if (/@microsoft\.keyvault/i.test(value.replace(/[^@.a-z]/gi, ''))) {
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
    const rule = 'must be UseDevelopmentStorage=true or the connection string of an account, by https or on loopback';
    settings.problem('AzureWebJobsStorage', rule);
  }
  return { kind: 'connection-string', connectionString };
}

/** What the storage SDK can use, which must be known before the first request, not with it. */
function isConnectionString(value: string): boolean {
  if (/^UseDevelopmentStorage=true;?$/i.test(value)) return true;
  const pairs = value.split(';').map((part) => {
    const [key = '', ...rest] = part.trim().split('=');
    return [key.toLowerCase(), rest.join('=')] as const;
  });
  if (!pairs.every(([key, text]) => !key.endsWith('endpoint') || isSecureOrLoopback(text))) return false;
  const parts = new Map(pairs.reverse()); // of a repeated key, the SDK takes the first
  const endpoint = parts.get('tableendpoint');
  if (parts.get('sharedaccesssignature')) return endpoint !== undefined;
  const protocol = parts.get('defaultendpointsprotocol') ?? '';
  if (!/^https?$/i.test(protocol) || !parts.get('accountname') || !parts.get('accountkey')) return false;
  const address = endpoint ?? `https://${parts.get('endpointsuffix') ?? ''}`;
  return isSecureOrLoopback(address.replace(/^https?/i, protocol)); // the host uses the protocol for its blobs
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
  if (tableServiceUri !== undefined && !(isSecureOrLoopback(tableServiceUri) && /^https/i.test(tableServiceUri))) {
    settings.problem('AzureWebJobsStorage__tableServiceUri', 'must be an https address');
  }
  return {
    kind: 'managed-identity',
    tableServiceUrl: (tableServiceUri ?? `https://${accountName}.table.core.windows.net`).replace(/\/+$/, ''),
    ...(clientId === undefined ? {} : { clientId }),
  };
}
