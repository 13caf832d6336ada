/** Every error that a caller may see: its code and status are the HTTP contract, its message is safe to show. */

export abstract class AppError extends Error {
  abstract readonly status: number;
  /** Stable, for programs; the message is for people and may change. */
  abstract readonly code: string;
  abstract readonly title: string;
}

/** No token was sent. The caller should send one. */
export class TokenMissingError extends AppError {
  override readonly name = 'TokenMissingError';
  readonly status = 401;
  readonly code = 'token_missing';
  readonly title = 'Token missing';
  constructor() {
    super(
      'Send a card token as "Authorization: Bearer <token>", as the header accessToken, or as the JSON member accessToken.',
    );
  }
}

/** The token was sent in a way that RFC 6750 does not allow. The caller should mend its code. */
export class InvalidRequestError extends AppError {
  override readonly name = 'InvalidRequestError';
  readonly status = 400;
  readonly code = 'invalid_request';
  readonly title = 'Malformed token request';
}

/** The token is malformed, expired or rejected by the identity service. The card should get a new one from its SDK. */
export class InvalidTokenError extends AppError {
  override readonly name = 'InvalidTokenError';
  readonly status = 401;
  readonly code = 'invalid_token';
  readonly title = 'Invalid token';
}

/** The token is valid, but was made in a card that this backend does not serve. A new token will not help. */
export class InsufficientScopeError extends AppError {
  override readonly name = 'InsufficientScopeError';
  readonly status = 403;
  readonly code = 'insufficient_scope';
  readonly title = 'Card not allowed';
  constructor() {
    super('The token is valid, but the card that it was made in may not use this API.');
  }
}

/** A query parameter or header other than the token's breaks its rule. */
export class InvalidParameterError extends AppError {
  override readonly name = 'InvalidParameterError';
  readonly status = 400;
  readonly code = 'invalid_parameter';
  readonly title = 'Invalid parameter';
}

/** One rule that a body breaks: where (an RFC 6901 JSON pointer as a URI fragment) and which. */
export interface BodyProblem {
  readonly pointer: string;
  readonly detail: string;
}

/** The body is not JSON, or its members break their rules. */
export class InvalidBodyError extends AppError {
  override readonly name = 'InvalidBodyError';
  readonly status = 400;
  readonly code = 'invalid_body';
  readonly title = 'Invalid body';
  constructor(readonly errors: readonly BodyProblem[]) {
    super('The body breaks the rules that "errors" lists.');
  }
}

/** The body is longer than this API reads. */
export class BodyTooLargeError extends AppError {
  override readonly name = 'BodyTooLargeError';
  readonly status = 413;
  readonly code = 'body_too_large';
  readonly title = 'Body too large';
}

/** The body's Content-Type is not JSON. */
export class UnsupportedMediaTypeError extends AppError {
  override readonly name = 'UnsupportedMediaTypeError';
  readonly status = 415;
  readonly code = 'unsupported_media_type';
  readonly title = 'Unsupported media type';
  constructor() {
    super('Send the body as "Content-Type: application/json".');
  }
}

/** What was asked for does not exist, or is not the caller's: the answer does not tell which. */
export class NotFoundError extends AppError {
  override readonly name = 'NotFoundError';
  readonly status = 404;
  readonly code = 'not_found';
  readonly title = 'Not found';
}

/** The Idempotency-Key was used before with another body. The caller should choose a new key. */
export class IdempotencyKeyReusedError extends AppError {
  override readonly name = 'IdempotencyKeyReusedError';
  readonly status = 422;
  readonly code = 'idempotency_key_reused';
  readonly title = 'Idempotency-Key reused';
  constructor() {
    super('This Idempotency-Key was used before with another body. Use a new key for a new request.');
  }
}

/** A dependency is out of reach; nothing is known to be wrong with the request, which may be repeated later. */
abstract class DependencyUnavailableError extends AppError {
  readonly status = 503;
  /** @param retryAfterSeconds when to try again; an integer of at least 1 */
  constructor(
    message: string,
    readonly retryAfterSeconds: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The identity service could not be asked; the token may well be good, and the card should keep it. */
export class IdentityUnavailableError extends DependencyUnavailableError {
  override readonly name = 'IdentityUnavailableError';
  readonly code = 'identity_unavailable';
  readonly title = 'Identity service unavailable';
  constructor(retryAfterSeconds: number, options?: ErrorOptions) {
    super('The token could not be checked just now. Keep it and try again.', retryAfterSeconds, options);
  }
}

/** Table Storage could not be reached. A write may or may not have happened: an Idempotency-Key makes a repeat safe. */
export class StorageUnavailableError extends DependencyUnavailableError {
  override readonly name = 'StorageUnavailableError';
  readonly code = 'storage_unavailable';
  readonly title = 'Storage unavailable';
  constructor(options?: ErrorOptions) {
    super('The storage could not be reached just now. Try again.', 2, options);
  }
}

/** A bug. Its own message goes nowhere: it may hold what must not be shown. */
export class InternalError extends AppError {
  override readonly name = 'InternalError';
  readonly status = 500;
  readonly code = 'internal_error';
  readonly title = 'Internal error';
  constructor(options?: ErrorOptions) {
    super('Something went wrong here. The invocation id helps to find it in the log.', options);
  }
}
