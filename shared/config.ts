/** The settings, read once from the environment: a frozen config, or one error that lists every problem. */

/** Where the tables are, by the settings that the Functions host reads for the app's own storage account. */
export type StorageConfig =
  | { readonly kind: 'connection-string'; readonly connectionString: string }
  | { readonly kind: 'managed-identity'; readonly tableServiceUrl: string; readonly clientId?: string };

/** Where https calls to other machines go through, and the hosts and domains, in lower case, that are exceptions. */
export type ProxyConfig = { readonly url: URL; readonly exceptions: readonly string[] };

/** Lists every problem by the setting's name, without its value. One line, since the host splits messages at breaks. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly problems: readonly string[]) {
    super(`The settings are not usable: ${problems.join('; ')}`);
  }
}

/** From each rule, in the words of its message, to its test. */
type Rules = Readonly<Record<string, (value: string) => boolean>>;
/** Gives an empty text for none: an empty value counts as absent, as it does in Azure. */
type Read = (name: string, rules?: Rules, byDefault?: string) => string;

/** Throws ConfigError. */
export function readConfig(environment: NodeJS.ProcessEnv = process.env) {
  const problems: string[] = [];
  const asked = new Set<string>();
  const read: Read = (name, rules = {}, byDefault = '') => {
    asked.add(name);
    const value = environment[name]?.trim() || byDefault;
    const broken = Object.keys(rules).find((rule) => !rules[rule]?.(value));
    if (broken !== undefined) problems.push(`${name} ${broken}`);
    return value;
  };
  const settings = {
    identityBaseUrl: read('IDENTITY_BASE_URL', {
      'is required: the address of the identity service, such as https://identity.example': Boolean,
      'must be an https address, or http on the loopback interface only': isSecureOrLoopback,
      'must have no user name, password, query or fragment': hasOnlyOriginAndPath,
    }),
    identityTimeoutMs: Number(read('IDENTITY_TIMEOUT_MS', wholeNumber(100, 2500), '1200')), // of one attempt
    allowedCardIds: read('ALLOWED_CARD_IDS', {
      'is required: the actionPackageIds that may use this API, separated by commas': Boolean,
      'must name at least one card': (value) => /[^\s,]/.test(value),
    }),
    tokenCacheSecret: read('TOKEN_CACHE_SECRET', {
      'is required: at least 32 random characters': Boolean,
      // An unresolved reference is known to everyone who knows the names. Quotes or blanks can be why it is unresolved.
      'is an unresolved Key Vault reference: check the vault, the secret and the role of the app': (value) =>
        !/@microsoft\.keyvault/i.test(value.replace(/[^@.a-z]/gi, '')),
      'must have at least 32 characters': (value) => value.length >= 32,
    }),
    tokenCacheTtlMs: Number(read('TOKEN_CACHE_TTL_SECONDS', wholeNumber(1, 1800), '1800')) * 1000,
    storage: readStorage(read),
    proxy: readProxy(environment, problems),
    warnings: describeMisspelt(environment, asked), // last, when all settings have been read
  };
  if (problems.length > 0) throw new ConfigError([...problems, ...settings.warnings]);
  const { origin, pathname } = new URL(settings.identityBaseUrl);
  const identityBaseUrl = `${origin}${pathname}`.replace(/\/+$/, '');
  const cardIds = settings.allowedCardIds.split(',').map((id) => id.trim());
  const allowedCardIds: ReadonlySet<string> = new Set(cardIds.filter(Boolean));
  return Object.freeze({ ...settings, identityBaseUrl, allowedCardIds });
}

/** One sentence for each name that looks like a setting's, without its value. */
function describeMisspelt(environment: NodeJS.ProcessEnv, settings: ReadonlySet<string>): readonly string[] {
  const meantBy = (name: string) => [...settings].find((setting) => isMisspelt(name, setting));
  const misspelt = Object.keys(environment).filter((name) => !settings.has(name) && meantBy(name) !== undefined);
  return misspelt.map((name) => `${name} is not a setting: is ${meantBy(name)} meant?`);
}

/** Whether it cuts or extends the setting, or is within two edits of it. The host reads longer names of its storage. */
function isMisspelt(name: string, setting: string): boolean {
  const isPart = name.startsWith(setting) || (setting.startsWith(name) && name.includes('_'));
  return (isPart && !setting.startsWith('AzureWebJobs')) || isWithin(2, name.toLowerCase(), setting.toLowerCase());
}

/** One edit inserts, deletes or replaces a character. */
function isWithin(edits: number, a: string, b: string): boolean {
  if (a === b || edits === 0) return a === b;
  const [restOfA, restOfB] = [a.slice(1), b.slice(1)];
  if (a[0] === b[0]) return isWithin(edits, restOfA, restOfB);
  return isWithin(edits - 1, restOfA, b) || isWithin(edits - 1, a, restOfB) || isWithin(edits - 1, restOfA, restOfB);
}

function wholeNumber(min: number, max: number): Rules {
  const isInRange = (value: string) => /^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max;
  return { [`must be a whole number from ${min} to ${max}`]: isInRange };
}

/** The URL standard turns https:/x into https://x, and so would send tokens to a host that no one meant. */
function isSecureOrLoopback(text: string): boolean {
  const isAddress = /^https?:\/\/[^/\\]/i.test(text) && URL.canParse(text);
  return isAddress && (/^https/i.test(text) || isLoopback(new URL(text)));
}

export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function hasOnlyOriginAndPath(address: string): boolean {
  const { username, password, search, hash } = new URL(address);
  return `${username}${password}${search}${hash}` === '';
}

/** As in curl and Node, a name in lower case wins, and an address without a scheme is an http proxy's. */
function readProxy(environment: NodeJS.ProcessEnv, problems: string[]): ProxyConfig | undefined {
  const { https_proxy, HTTPS_PROXY, no_proxy, NO_PROXY } = environment;
  const value = https_proxy || HTTPS_PROXY;
  if (!value) return undefined;
  const address = value.includes('://') ? value : `http://${value}`;
  const exceptions = (no_proxy || NO_PROXY || '').toLowerCase().match(/[^\s,]+/g) ?? [];
  if (/^https?:/i.test(address) && URL.canParse(address)) return { url: new URL(address), exceptions };
  problems.push('HTTPS_PROXY must be the address of an http proxy, such as http://proxy.example:8080');
  return undefined;
}

/** As in the host, a connection string wins over a managed identity. */
function readStorage(read: Read): StorageConfig {
  const rule = 'must be UseDevelopmentStorage=true or the connection string of an account, by https or on loopback';
  const connectionString = read('AzureWebJobsStorage', { [rule]: isUsableOrAbsent });
  if (connectionString !== '') return { kind: 'connection-string', connectionString };
  const accountName = read('AzureWebJobsStorage__accountName', {
    'must be 3 to 24 lower-case letters and digits': (value) => /^([a-z0-9]{3,24})?$/.test(value),
  });
  const tableServiceUri = read('AzureWebJobsStorage__tableServiceUri', {
    'must be an https address': (value) => value === '' || (/^https/i.test(value) && isSecureOrLoopback(value)),
  });
  const clientId = read('AzureWebJobsStorage__clientId');
  const isNamed = accountName !== '' || tableServiceUri !== '';
  const ways = 'a connection string, or AzureWebJobsStorage__accountName or __tableServiceUri for a managed identity';
  read('AzureWebJobsStorage', { [`is required: ${ways}`]: () => isNamed });
  read('AzureWebJobsStorage__credential', {
    'must be managedidentity when there is no connection string': (kind) => !isNamed || /^managedidentity$/i.test(kind),
  });
  const tableServiceUrl = (tableServiceUri || `https://${accountName}.table.core.windows.net`).replace(/\/+$/, '');
  return { kind: 'managed-identity', tableServiceUrl, ...(clientId && { clientId }) };
}

/** What the storage SDK can use, which must be known before the first request, not with it. */
function isUsableOrAbsent(value: string): boolean {
  if (/^(UseDevelopmentStorage=true;?)?$/i.test(value)) return true;
  const pairs = value.split(';').map((part) => part.trim().split(/=(.*)/s)); // at the first =
  if (pairs.some(([key = '', text = '']) => /endpoint$/i.test(key) && !isSecureOrLoopback(text))) return false;
  // Of a repeated key, the SDK takes the first.
  const parts = new Map(pairs.reverse().map(([key = '', text = '']) => [key.toLowerCase(), text]));
  const [endpoint, protocol = ''] = [parts.get('tableendpoint'), parts.get('defaultendpointsprotocol')];
  if (parts.get('sharedaccesssignature')) return endpoint !== undefined;
  if (!/^https?$/i.test(protocol) || !parts.get('accountname') || !parts.get('accountkey')) return false;
  const address = endpoint ?? `https://${parts.get('endpointsuffix') ?? ''}`;
  return isSecureOrLoopback(address.replace(/^https?/i, protocol)); // the host uses the protocol for its blobs
}
