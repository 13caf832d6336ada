/** The one error of the embedded host: it cannot start, or cannot reload, and its message says why. */

/** Thrown while starting or reloading. Show `message` to the developer; `cause` is the app's own error, if there was one. */
export class HostError extends Error {
  override readonly name = 'HostError';
}

/** The message of anything thrown. No `instanceof`: the app may live in another realm, and may throw what it likes. */
export function messageOf(thrown: unknown): string {
  return hasText(thrown, 'message') ? thrown.message : String(thrown);
}

/** The stack of anything thrown, else its message. */
export function stackOf(thrown: unknown): string {
  return hasText(thrown, 'stack') ? thrown.stack : messageOf(thrown);
}

/** The `code` of a Node.js error, such as `ENOENT`. */
export function codeOf(thrown: unknown): string | undefined {
  return hasText(thrown, 'code') ? thrown.code : undefined;
}

function hasText<K extends string>(value: unknown, key: K): value is Record<K, string> {
  return typeof value === 'object' && value !== null && typeof (value as Record<K, unknown>)[key] === 'string';
}
