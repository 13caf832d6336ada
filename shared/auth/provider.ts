/** The small interface between this backend and an identity service. Another service fits behind it. */

/** What the identity service says about a token. Always deeply frozen, because many requests share one. */
export interface Identity {
  readonly id: string;
  readonly name: string;
  readonly phoneNumber: string | null;
  readonly pictureUrl: string | null;
  readonly actionPackageId: string | null; // the card that the token was made in
}

/** Why the identity service gave no verdict. Stable words for the log. */
export type UnavailableCause =
  | 'timeout' // one attempt, or the whole budget, ran out
  | 'unreachable' // no connection, or it broke
  | 'server_error' // 5xx
  | 'throttled' // 429
  | 'unexpected_answer' // another status, a redirect, too large, not JSON, no id
  | 'busy' // this instance's own limit of concurrent calls
  | 'circuit_open'; // the service failed so often that it is left alone for a while

export interface Unavailable {
  readonly kind: 'unavailable';
  readonly cause: UnavailableCause;
  readonly retryAfterSeconds?: number | undefined; // whole, 1 to 3600: what the service itself asked for
  readonly errorCode?: string | undefined; // for the log: the system's or a library's, such as `ECONNREFUSED`
  readonly onReusedConnection?: boolean | undefined; // from the pool, whose failure says nothing about the service
}

export type Verdict =
  | { readonly kind: 'valid'; readonly identity: Identity; readonly expiresAtMs?: number | undefined }
  /** `cacheable`: about this very token, so it may be remembered. A 400 is about the request and may not. */
  | { readonly kind: 'rejected'; readonly cacheable: boolean }
  | Unavailable;

export interface IdentityProvider {
  readonly name: string;
  /** Where it asks. Part of the cache key, so that a verdict of one service never counts for another. */
  readonly endpoint: string;
  /** Whether a token has this service's form. Others have half of the concurrent calls and a circuit of their own. */
  recognizes?(token: string): boolean;
  /** Never rejects: what the service or the network does is a verdict. @param options.newConnection not a pooled one */
  identify(token: string, signal: AbortSignal, options?: { readonly newConnection?: boolean }): Promise<Verdict>;
}
