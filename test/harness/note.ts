/** What `/api/notes` takes and answers. */

export interface NewNote {
  readonly item: string;
  readonly quantity: number;
  readonly note?: string;
}

export interface Note extends NewNote {
  readonly id: string;
  readonly status: 'received';
  /** RFC 3339, UTC. */
  readonly createdAt: string;
}
