/** The only place that constructs: from the settings to the objects that the functions use, once, at start. */
import { createAgents } from './agents';
import { createIdentityGuard } from './auth/identity-guard';
import { createAsk } from './auth/providers/http-client';
import { createKaizalaProvider } from './auth/providers/kaizala';
import { createDeriveTokenKey } from './auth/token-key';
import { createValidator } from './auth/validator';
import { systemClock as clock } from './clock';
import { readConfig } from './config';
import { createSecured } from './http/secured';
import { log } from './log';
import { type Collection, type CollectionOptions, createCollection } from './storage/collection';
import type { Purgeable } from './storage/purge';
import { createCheckStorage } from './storage/storage-health';
import { createOpenTable } from './storage/table-client';
import { createTokenTable } from './storage/token-table';

const config = readConfig(); // throws ConfigError, which stops the start of the app
for (const detail of config.warnings) log('warn', 'setting_unknown', { detail });
const provider = createKaizalaProvider(config.identityBaseUrl, createAsk({ proxy: config.proxy, clock }));
const agentFor = createAgents(config.proxy);
// No retries by the SDK: for a request, a miss costs less than waiting for the cache.
const openTokens = createOpenTable(config.storage, 'tokencache', 0, agentFor);
// Loads the SDK and fetches a managed identity's first access token while no one waits for them yet.
setImmediate(() => openTokens().catch(() => {})); // the first operation reports its failure

const tokens = createTokenTable(openTokens, { clock, log });
export const checkStorage = createCheckStorage(openTokens, clock);
export const purgeables: Purgeable[] = [tokens]; // by the hourly timer

const deriveKey = createDeriveTokenKey(config.tokenCacheSecret, provider);
const guard = createIdentityGuard(provider, { attemptTimeoutMs: config.identityTimeoutMs, clock, log });
const validator = createValidator({ deriveKey, guard, store: tokens, clock, log, ttlMs: config.tokenCacheTtlMs });
export const secured = createSecured(validator, config.allowedCardIds);

/** Rows that belong to one owner, in a table of their own, which the hourly timer purges with the others. */
export function collection<In, Out>(table: string, schema: CollectionOptions<In, Out>['schema']): Collection<In, Out> {
  const openTable = createOpenTable(config.storage, table, 2, agentFor);
  const rows = createCollection({ table, schema, providerName: provider.name, openTable, clock, log });
  purgeables.push(rows);
  return rows;
}
