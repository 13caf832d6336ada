/** The one place that constructs: from the settings to the objects that the functions use, once, at start. */
import { createAuthorize } from './auth/authorize';
import { createKaizalaProvider } from './auth/providers/kaizala';
import { createResilientProvider } from './auth/resilient-provider';
import { createResilientStore } from './auth/resilient-store';
import { createDeriveTokenKey } from './auth/token-key';
import { createLoggingProvider, createLoggingValidator } from './auth/validation-log';
import { createValidator } from './auth/validator';
import { type Clock, systemClock } from './clock';
import { type Config, readConfig } from './config';
import { createSecured } from './http/secured';
import { type Log, log as systemLog } from './log';
import { createOrdersTable } from './storage/orders-table';
import { createCheckStorage } from './storage/storage-health';
import { createOpenTable } from './storage/table-client';
import { createTokenTable } from './storage/token-table';

function createServices(config: Config, clock: Clock, log: Log) {
  const kaizala = createLoggingProvider(createKaizalaProvider(config.identityBaseUrl, clock), { clock, log });
  const provider = createResilientProvider(kaizala, { attemptTimeoutMs: config.identityTimeoutMs, clock, log });
  // No repeats by the SDK: on the way of a request, a miss costs less than waiting for the cache.
  const openTokens = createOpenTable(config.storage, 'tokencache', 0);
  // The SDK, and a managed identity's first access token, come while nobody waits yet: they can take longer than the first
  // request may wait for its table, which would then be left without its row.
  setImmediate(() => openTokens().catch(() => {})); // whoever needs it reports its failure
  const tokens = createTokenTable(openTokens, clock);
  const validator = createValidator({
    deriveKey: createDeriveTokenKey(config.tokenCacheSecret, provider),
    provider,
    store: createResilientStore(tokens, log),
    clock,
    ttlMs: config.tokenCacheTtlMs,
  });
  const loggingValidator = createLoggingValidator(validator, { breakerState: provider.breakerState, clock, log });
  return {
    clock,
    secured: createSecured(loggingValidator, createAuthorize(config.allowedCardIds)),
    orders: createOrdersTable(createOpenTable(config.storage, 'orders', 2), clock),
    tokens,
    checkStorage: createCheckStorage(openTokens, clock),
  };
}

/** Throws ConfigError, which stops the start of the app. */
export const { clock, secured, orders, tokens, checkStorage } = createServices(readConfig(), systemClock, systemLog);
