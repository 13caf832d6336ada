/** Authenticates a token: memory, then one flight per key that asks the table and, if need be, the identity service. */
import { TaskCancelledError, TimeoutStrategy, timeout } from 'cockatiel';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock';
import { IdentityUnavailableError, InvalidTokenError } from '../errors';
import { jwtExpiresAtMs } from './jwt-expiry';
import type { Identity } from './principal';
import type { IdentityProvider } from './provider';
import type { DeriveTokenKey, TokenKey } from './token-key';

/** The 3 s that a caller is promised, less the write of the row (250 ms) and the way back. */
const FLIGHT_DEADLINE_MS = 2_700;
/** Of the memory tier: an identity may be as long as the service's answer, 64 KiB, and many of these fill an instance. */
const MAX_MEMORY_CHARACTERS = 16_000_000;
const MAX_REJECTED = 1_000;
const REJECTED_FOR_MS = 10_000;
const DEFAULT_RETRY_AFTER_SECONDS = 5;

/** A verdict `valid` with its bound. The bound is fixed at the first validation and never moves. */
export interface StoredIdentity {
  readonly identity: Identity;
  readonly validatedAtMs: number;
  readonly expiresAtMs: number;
}

/** The tier that all instances share. It may fail; createResilientStore makes of it one that does not. */
export interface TokenStore {
  read(key: TokenKey, signal: AbortSignal): Promise<StoredIdentity | undefined>;
  write(key: TokenKey, stored: StoredIdentity, signal: AbortSignal): Promise<void>;
}

/** A store that never rejects, and has a deadline of its own. */
export interface ReliableTokenStore {
  /** For one validation, which reads the entry at first, and then writes it if need be. */
  entryOf(key: TokenKey): {
    read(): Promise<StoredIdentity | undefined>;
    write(stored: StoredIdentity): Promise<void>;
  };
}

export type AuthenticationSource = 'memory' | 'table' | 'identity-service';

export interface Authentication extends StoredIdentity {
  readonly source: AuthenticationSource;
  /** Settles, without ever failing, when the verdict is in the table, or need not be waited for. */
  readonly persisted: Promise<void>;
}

export interface ValidatorOptions {
  readonly deriveKey: DeriveTokenKey;
  readonly provider: IdentityProvider;
  readonly store: ReliableTokenStore;
  readonly clock: Clock;
  /** 1,000 to 1,800,000 (30 min). */
  readonly ttlMs: number;
  /** Entries of the memory tier. Default 10,000. */
  readonly maxEntries?: number;
}

export interface Validator {
  /**
   * Throws InvalidTokenError when the token is expired or rejected, IdentityUnavailableError when it could not be
   * checked.
   */
  authenticate(token: string): Promise<Authentication>;
}

export function createValidator(options: ValidatorOptions): Validator {
  const { deriveKey, provider, store, clock, ttlMs } = options;
  const valid = new LRUCache<string, StoredIdentity>({
    max: options.maxEntries ?? 10_000,
    maxSize: MAX_MEMORY_CHARACTERS,
    sizeCalculation: (stored) => JSON.stringify(stored).length,
  });
  // A tier of its own, key to the end of its memory in ms: a flood of junk evicts no good entry. What enters one tier
  // leaves the other: it may have expired there, but would be back when the clock is set back.
  const rejected = new LRUCache<string, number>({ max: MAX_REJECTED });
  const flights = new Map<string, Promise<Authentication>>();
  const deadline = timeout(FLIGHT_DEADLINE_MS, TimeoutStrategy.Aggressive);

  async function authenticate(token: string): Promise<Authentication> {
    const key = deriveKey(token);
    const known = recall(key);
    if (known !== undefined) return known;
    // Nothing is awaited since the look into memory, so no flight can have landed in between.
    return flights.get(key.id) ?? startFlight(token, key);
  }

  function recall(key: TokenKey): Authentication | undefined {
    const now = clock();
    const stored = valid.get(key.id);
    if (stored !== undefined && stored.expiresAtMs > now) {
      return { ...stored, source: 'memory', persisted: Promise.resolve() };
    }
    if ((rejected.get(key.id) ?? 0) > now) throw rejectedByService();
    return undefined;
  }

  /** Belongs to no caller: one that goes away takes nobody down, and it ends by its own deadline. */
  function startFlight(token: string, key: TokenKey): Promise<Authentication> {
    const flight = deadline
      .execute(({ signal }) => validate(token, key, signal))
      .catch((error: unknown) => {
        throw error instanceof TaskCancelledError
          ? new IdentityUnavailableError(DEFAULT_RETRY_AFTER_SECONDS, 'timeout')
          : error;
      })
      .finally(() => flights.delete(key.id));
    flights.set(key.id, flight);
    return flight;
  }

  async function validate(token: string, key: TokenKey, signal: AbortSignal): Promise<Authentication> {
    const tokenExpiresAtMs = jwtExpiresAtMs(token) ?? Number.POSITIVE_INFINITY;
    if (tokenExpiresAtMs <= clock()) throw expired();

    const entry = store.entryOf(key);
    const known = await entry.read();
    if (known !== undefined) {
      const expiresAtMs = Math.min(known.expiresAtMs, known.validatedAtMs + ttlMs, clock() + ttlMs, tokenExpiresAtMs);
      if (expiresAtMs > clock()) {
        return { ...remember(key, { ...known, expiresAtMs }, signal), source: 'table', persisted: Promise.resolve() };
      }
    }

    const validatedAtMs = clock();
    const verdict = await provider.identify(token, signal);
    switch (verdict.kind) {
      case 'valid': {
        const bound = verdict.expiresAtMs ?? Number.POSITIVE_INFINITY;
        const expiresAtMs = Math.min(validatedAtMs + ttlMs, tokenExpiresAtMs, bound);
        if (expiresAtMs <= clock()) throw expired();
        const stored = remember(key, { identity: verdict.identity, validatedAtMs, expiresAtMs }, signal);
        return { ...stored, source: 'identity-service', persisted: entry.write(stored) };
      }
      case 'rejected':
        if (verdict.definite && !signal.aborted) {
          rejected.set(key.id, clock() + REJECTED_FOR_MS);
          valid.delete(key.id);
        }
        throw rejectedByService();
      case 'unavailable':
        throw new IdentityUnavailableError(verdict.retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS, verdict.cause);
    }
  }

  /** Throws when the flight has ended: a late old answer must not replace a newer verdict. */
  function remember(key: TokenKey, entry: StoredIdentity, signal: AbortSignal): StoredIdentity {
    signal.throwIfAborted();
    Object.freeze(entry.identity);
    valid.set(key.id, entry);
    rejected.delete(key.id);
    return entry;
  }

  return { authenticate };
}

function expired(): InvalidTokenError {
  return new InvalidTokenError('expired', 'The token has expired. Get a new one from the card SDK.');
}

function rejectedByService(): InvalidTokenError {
  const message = 'The identity service does not accept this token. Get a new one from the card SDK.';
  return new InvalidTokenError('rejected', message);
}
