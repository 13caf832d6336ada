/** Who a token belongs to, before (identity) and after (principal) the card has been authorized. */

/** What the identity service says of a token. Always frozen, since many requests share one. */
export interface Identity {
  readonly id: string;
  readonly name: string;
  readonly phoneNumber: string | null;
  readonly pictureUrl: string | null;
  /** The card that the token was made in. */
  readonly actionPackageId: string | null;
}

/** The identity that a request runs as: its card is on the allow-list. */
export interface Principal extends Identity {
  readonly actionPackageId: string;
}
