/** Validates a token: memory, then one lookup per key, which asks the table and, if need be, the identity service. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock';
import { withDeadline } from '../deadline';
import type { Log } from '../log';
import { BUDGET } from './budget';
import { createHitCounter } from './hit-counter';
import type { GuardedVerdict, IdentityGuard } from './identity-guard';
import { jwtExpiresAtMs } from './jwt-expiry';
import type { Identity, UnavailableCause } from './provider';
import type { DeriveTokenKey, TokenKey } from './token-key';

const MAX_MEMORY_CHARACTERS = 16_000_000; // an identity can have 64 KiB, and many of these would fill an instance
const MAX_REFUSED = 1_000;
const REJECTED_FOR_MS = 10_000;
const MAX_CARD_CHARACTERS = 200; // any id may come from the service, and the host cuts a line that is too long

/** A valid identity with its bound, which is fixed at the first validation and never moves. */
export type StoredIdentity = Readonly<{ identity: Identity; validatedAtMs: number; expiresAtMs: number }>;

/** The tier that all instances share. It never rejects, and ends by its own deadline. */
export interface TokenStore {
  read(key: TokenKey): Promise<StoredIdentity | 'miss' | 'unavailable'>;
  write(key: TokenKey, stored: StoredIdentity): Promise<void>;
}

/** What decided: `token` is the token itself (its `exp`, its form); `none` is an outage, in which nothing did. */
export type Source = 'memory' | 'table' | 'identity-service' | 'token' | 'none';
type Outcome =
  | (StoredIdentity & { readonly kind: 'valid' })
  | { readonly kind: 'rejected'; readonly reason: 'expired' | 'rejected' }
  | { readonly kind: 'unavailable'; readonly cause: UnavailableCause; readonly retryAfterSeconds: number };
/** A verdict, where it came from, and how long the steps took that led to it. */
export type Validation = Outcome & { readonly source: Source; readonly tableMs?: number; readonly identityMs?: number };
export type ValidValidation = Extract<Validation, { kind: 'valid' }>;
export type Validator = ReturnType<typeof createValidator>;

type Parts = Readonly<{ deriveKey: DeriveTokenKey; guard: IdentityGuard; store: TokenStore; clock: Clock; log: Log }>;
type Limits = Readonly<{ ttlMs: number; maxEntries?: number }>;

/** @param options.ttlMs 1,000 to 1,800,000 (30 min). @param options.maxEntries in memory */
export function createValidator(options: Parts & Limits) {
  const { deriveKey, guard, store, clock, log, ttlMs, maxEntries = 10_000 } = options;
  /** `endsAtMs` is monotonic: whichever clock says so first ends an entry. */
  const valid = new LRUCache<string, { readonly validation: ValidValidation; readonly endsAtMs: number }>({
    max: maxEntries,
    maxSize: MAX_MEMORY_CHARACTERS,
    sizeCalculation: ({ validation }) => JSON.stringify(validation).length,
  });
  /** A tier of its own, so that a flood of junk evicts no good entry. A key is in one tier only. */
  const refused = new LRUCache<string, { kind: 'rejected' | 'throttled'; untilMs: number }>({ max: MAX_REFUSED });
  const pending = new Map<string, Promise<Validation>>();
  const hits = createHitCounter({ clock, log });

  /** Never rejects for what the token, the table or the identity service does. Settles within `BUDGET.totalMs`. */
  async function validate(token: string): Promise<Validation> {
    hits.flush();
    const startedAtMs = clock.elapsed();
    const key = deriveKey(token);
    const known = fromMemory(key.id);
    // Nothing is awaited since the look into memory, so no lookup can have ended in between.
    const validation = known ?? (await (pending.get(key.id) ?? startLookup(token, key)));
    const durationMs = clock.elapsed() - startedAtMs;
    if (known?.kind === 'valid') hits.add(durationMs);
    else logValidation(token, validation, durationMs);
    return validation;
  }

  function fromMemory(id: string): Validation | undefined {
    const { validation, endsAtMs = 0 } = valid.get(id) ?? {};
    if (validation && validation.expiresAtMs > clock.now() && endsAtMs > clock.elapsed()) return validation;
    return refusedForMs(id, 'rejected') > 0 ? rejected('rejected', 'memory') : undefined;
  }

  function refusedForMs(id: string, kind: 'rejected' | 'throttled'): number {
    const entry = refused.get(id);
    return entry?.kind === kind ? entry.untilMs - clock.elapsed() : 0;
  }

  /** Not tied to any caller: if one disconnects, the others still get the result. */
  function startLookup(token: string, key: TokenKey): Promise<Validation> {
    const lookup = lookUp(token, key).finally(() => pending.delete(key.id));
    pending.set(key.id, lookup);
    return lookup;
  }

  async function lookUp(token: string, key: TokenKey): Promise<Validation> {
    const tokenExpiresAtMs = jwtExpiresAtMs(token) ?? Number.POSITIVE_INFINITY;
    if (tokenExpiresAtMs <= clock.now()) return rejected('expired', 'token');

    const startedAtMs = clock.elapsed();
    const row = await store.read(key);
    const tableMs = clock.elapsed() - startedAtMs;
    if (typeof row === 'object') {
      // A row of another setting, or of an instance whose clock is ahead, may claim more than this instance allows.
      const allowedMs = Math.min(row.validatedAtMs + ttlMs, clock.now() + ttlMs, tokenExpiresAtMs);
      const expiresAtMs = Math.min(row.expiresAtMs, allowedMs);
      if (expiresAtMs > clock.now()) return { ...remember(key, { ...row, expiresAtMs }), source: 'table', tableMs };
    }
    const throttledMs = refusedForMs(key.id, 'throttled');
    if (throttledMs > 0) return { ...unavailable('throttled', Math.ceil(throttledMs / 1000)), tableMs };

    const validatedAtMs = clock.now();
    const verdict = await guard.identify(token, key.id);
    const steps = { tableMs, identityMs: clock.elapsed() - startedAtMs - tableMs };
    if (verdict.kind !== 'valid') return { ...refuse(key, verdict), ...steps };
    const endsAtMs = Math.min(tokenExpiresAtMs, verdict.expiresAtMs ?? Number.POSITIVE_INFINITY);
    const expiresAtMs = Math.min(validatedAtMs + ttlMs, endsAtMs);
    const stored = { identity: verdict.identity, validatedAtMs, expiresAtMs };
    const isOver = () => expiresAtMs <= clock.now();
    // Before the answer, so that the next request finds the row. A slower write goes on in the background.
    const [leftMs, write] = [Math.max(1, BUDGET.tableMs - tableMs), () => store.write(key, stored)];
    if (row !== 'unavailable' && !isOver()) await withDeadline(leftMs, write, () => undefined);
    if (endsAtMs <= clock.now()) return { ...rejected('expired', 'identity-service'), ...steps };
    if (isOver()) return { ...unavailable('timeout', 1), ...steps }; // too slow for the setting: never 401
    return { ...remember(key, stored), source: 'identity-service', ...steps };
  }

  function remember(key: TokenKey, { identity, validatedAtMs, expiresAtMs }: StoredIdentity) {
    const outcome = { kind: 'valid', identity: Object.freeze(identity), validatedAtMs, expiresAtMs } as const;
    const endsAtMs = clock.elapsed() + Math.min(expiresAtMs - clock.now(), ttlMs);
    valid.set(key.id, { validation: Object.freeze({ ...outcome, source: 'memory' }), endsAtMs });
    refused.delete(key.id);
    return outcome;
  }

  function refuse(key: TokenKey, verdict: Exclude<GuardedVerdict, { kind: 'valid' }>): Validation {
    const now = clock.elapsed();
    if (verdict.kind === 'unavailable') {
      const { cause, retryAfterSeconds } = verdict;
      if (cause === 'throttled') refused.set(key.id, { kind: cause, untilMs: now + retryAfterSeconds * 1000 });
      return unavailable(cause, retryAfterSeconds);
    }
    valid.delete(key.id);
    if (verdict.cacheable) refused.set(key.id, { kind: 'rejected', untilMs: now + REJECTED_FOR_MS });
    return rejected('rejected', 'identity-service');
  }

  function logValidation(token: string, validation: Validation, durationMs: number): void {
    const { kind: outcome, source } = validation;
    const fields = { ...describe(validation), durationMs: Math.round(durationMs), breaker: guard.breakerState(token) };
    log('info', 'token_validation', { outcome, source, ...fields });
  }

  return { validate, logHits: () => hits.flush(0) };
}

const rejected = (reason: 'expired' | 'rejected', source: Source): Validation => ({ kind: 'rejected', reason, source });

function unavailable(cause: UnavailableCause, retryAfterSeconds: number): Validation {
  return { kind: 'unavailable', cause, retryAfterSeconds, source: 'none' };
}

function describe(validation: Validation): { card?: string | undefined; reason?: string } {
  if (validation.kind === 'valid') return { card: validation.identity.actionPackageId?.slice(0, MAX_CARD_CHARACTERS) };
  return { reason: validation.kind === 'rejected' ? validation.reason : validation.cause };
}
