/** The one small interface between this backend and an identity service: another service takes its place here. */
import type { Identity } from './principal';

/** Why an identity service could not be asked; stable words for the log. */
export type UnavailableCause =
  | 'timeout' // one attempt, or the whole budget, ran out
  | 'unreachable' // no connection, or it broke
  | 'server_error' // 5xx
  | 'throttled' // 429
  | 'unexpected_answer' // another status, a redirect, too large, not JSON, no id
  | 'busy' // this instance's own cap on calls is reached
  | 'circuit_open'; // it failed so often that it is left alone for a while

export type Verdict =
  | { readonly kind: 'valid'; readonly identity: Identity; readonly expiresAtMs?: number }
  /** `definite`: about this very token, so it may be remembered; a 400 is about the request and may not. */
  | { readonly kind: 'rejected'; readonly definite: boolean }
  | { readonly kind: 'unavailable'; readonly cause: UnavailableCause; readonly retryAfterSeconds?: number };

export interface IdentityProvider {
  readonly name: string;
  /** Where it asks. It is part of the cache key, so that a verdict of one service never counts for another. */
  readonly endpoint: string;
  /**
   * Whether a token looks like one of this service's, by its form alone. Those that do not share a part of the calls at
   * a time, so that a flood of junk leaves room for the others. Without it, all look alike.
   */
  recognizes?(token: string): boolean;
  /** Never throws for what the service or the network does: that is a verdict. */
  identify(token: string, signal: AbortSignal): Promise<Verdict>;
}
