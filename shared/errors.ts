/** Every error that a caller may see: its code and status are the HTTP contract, its message is safe to show. */

export abstract class AppError extends Error {
  /**
   * @param code stable, for programs
   * @param message for people; it may change
   */
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** No token was sent. The caller should send one. */
export class TokenMissingError extends AppError {
  constructor() {
    const message = 'Send a card token: "Authorization: Bearer <token>" is the usual way.';
    super(401, 'token_missing', 'Token missing', message);
  }
}

/** The token was sent in a way that RFC 6750 does not allow. The caller should mend its code. */
export class InvalidRequestError extends AppError {
  constructor(message: string) {
    super(400, 'invalid_request', 'Malformed token request', message);
  }
}

/** The token is malformed, expired or rejected by the identity service. The card should get a new one from its SDK. */
export class InvalidTokenError extends AppError {
  /** @param reason for the log */
  constructor(
    readonly reason: 'malformed' | 'expired' | 'rejected',
    message: string,
  ) {
    super(401, 'invalid_token', 'Invalid token', message);
  }
}

/** The token is valid, but was made in a card that this backend does not serve. A new token will not help. */
export class InsufficientScopeError extends AppError {
  constructor() {
    const message = 'The token is valid, but the card that it was made in may not use this API.';
    super(403, 'insufficient_scope', 'Card not allowed', message);
  }
}

/** A query parameter or header, other than the token's, breaks its rule. The caller should mend its code. */
export class InvalidParameterError extends AppError {
  constructor(message: string) {
    super(400, 'invalid_parameter', 'Invalid parameter', message);
  }
}

/** One rule that a body breaks: where (an RFC 6901 JSON pointer as a URI fragment) and which. */
export interface BodyProblem {
  readonly pointer: string;
  readonly detail: string;
}

/** The body is not JSON, or its members break their rules. The caller should mend what `errors` lists. */
export class InvalidBodyError extends AppError {
  constructor(readonly errors: readonly BodyProblem[]) {
    super(400, 'invalid_body', 'Invalid body', 'The body breaks the rules that "errors" lists.');
  }
}

/** The body is longer than this API reads. The caller should send less. */
export class BodyTooLargeError extends AppError {
  constructor(message: string) {
    super(413, 'body_too_large', 'Body too large', message);
  }
}

/** The body's Content-Type is not JSON. The caller should send JSON, and say so. */
export class UnsupportedMediaTypeError extends AppError {
  constructor() {
    const message = 'Send the body as "Content-Type: application/json".';
    super(415, 'unsupported_media_type', 'Unsupported media type', message);
  }
}

/** What was asked for does not exist, or is not the caller's: the answer does not tell which. */
export class NotFoundError extends AppError {
  constructor(message: string) {
    super(404, 'not_found', 'Not found', message);
  }
}

/** The Idempotency-Key came with another body before. The caller should choose a new key. */
export class IdempotencyKeyReusedError extends AppError {
  constructor() {
    const message = 'This Idempotency-Key was used before with another body. Use a new key for a new request.';
    super(422, 'idempotency_key_reused', 'Idempotency-Key reused', message);
  }
}

/** The identity service could not be asked. The token may well be good: the card should keep it, and try again. */
export class IdentityUnavailableError extends AppError {
  /**
   * @param retryAfterSeconds an integer of at least 1
   * @param reason a stable word for the log
   */
  constructor(
    readonly retryAfterSeconds: number,
    readonly reason: string,
  ) {
    const message = 'The token could not be checked just now. Keep it and try again.';
    super(503, 'identity_unavailable', 'Identity service unavailable', message);
  }
}

/** Table Storage could not be reached. A write may or may not have happened: an Idempotency-Key makes a repeat safe. */
export class StorageUnavailableError extends AppError {
  readonly retryAfterSeconds = 2;
  constructor(options?: ErrorOptions) {
    const message = 'The storage could not be reached just now. Try again.';
    super(503, 'storage_unavailable', 'Storage unavailable', message, options);
  }
}

/** A bug. Its own message goes nowhere: it may hold what must not be shown. */
export class InternalError extends AppError {
  constructor(options?: ErrorOptions) {
    const message = 'Something went wrong here. The invocation id helps to find it in the log.';
    super(500, 'internal_error', 'Internal error', message, options);
  }
}
