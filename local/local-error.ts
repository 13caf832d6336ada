/** The error of the local scripts whose message is all that the developer needs: it is printed alone, without a stack. */

/**
 * Thrown when a local command cannot go on for a reason outside the code: a port in use, a broken settings file, a
 * child process that ended. The message is one sentence that says what to do.
 */
export class LocalError extends Error {
  override readonly name = 'LocalError';
}
