/** What an order is: the sample business object of this template. */
import * as v from 'valibot';
import { Problem } from './problem';

export interface NewOrder {
  readonly item: string;
  readonly quantity: number;
  readonly note?: string;
}

export interface Order extends NewOrder {
  readonly id: string;
  readonly status: 'received';
  /** RFC 3339, UTC. */
  readonly createdAt: string;
}

/** Whose orders: a user within a card. */
export interface OrderOwner {
  readonly id: string;
  readonly actionPackageId: string;
}

/** Every method throws StorageUnavailableError when the storage is out of reach. */
export interface OrderStore {
  /** Throws IdempotencyKeyReusedError when the key came with another order before. It is kept for at least 24 hours. */
  create(owner: OrderOwner, order: NewOrder, idempotencyKey?: string): Promise<{ order: Order; replayed: boolean }>;
  find(owner: OrderOwner, id: string): Promise<Order | undefined>;
  /** Newest first. `cursor` is the id of the last order that the caller has. */
  list(owner: OrderOwner, page: { limit: number; cursor?: string }): Promise<{ orders: Order[]; nextCursor?: string }>;
  /** Forgets the Idempotency-Keys that are older than 24 hours, for a minute at most, and returns how many. */
  purgeIdempotencyRecords(): Promise<number>;
}

const newOrder = v.strictObject(
  {
    item: text(1, 200),
    quantity: v.pipe(
      v.number('must be an integer from 1 to 1000'),
      v.check((value) => Number.isInteger(value) && value >= 1 && value <= 1000, 'must be an integer from 1 to 1000'),
    ),
    note: v.optional(text(0, 1000)),
  },
  (issue) => (issue.expected === 'never' ? 'is not a member of an order' : describeMissing(issue)),
);

/** Throws InvalidBodyError, which lists the members that break their rules, and the first that does not belong. */
export function parseNewOrder(body: unknown): NewOrder {
  // valibot takes an array for an object with odd keys.
  const result = v.safeParse(newOrder, Array.isArray(body) ? null : body);
  if (!result.success) {
    throw new Problem('invalid_body', undefined, {
      errors: result.issues.map((issue) => ({ pointer: toPointer(issue), detail: issue.message })),
    });
  }
  const { note, ...order } = result.output;
  return note === undefined ? order : { ...order, note };
}

/** Whether the text has the form of an order's id, which is all that may go into a query of the storage. */
export function isOrderId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

/** Characters, not UTF-16 units; and only what UTF-8 can carry, since the storage would alter the rest. */
function text(min: number, max: number) {
  const rule = `must be a string of ${min === 0 ? 'at most' : `${min} to`} ${max} characters`;
  return v.pipe(
    v.string(rule),
    v.check((value) => value.isWellFormed(), 'must be well-formed Unicode, without lone surrogates'),
    v.check((value) => {
      const { length } = [...value];
      return length >= min && length <= max;
    }, rule),
  );
}

function describeMissing(issue: { received: string }): string {
  return issue.received === 'undefined' ? 'is required' : 'must be an object';
}

/** RFC 6901 §6: a JSON pointer as a URI fragment. */
function toPointer(issue: v.BaseIssue<unknown>): string {
  const tokens = (issue.path ?? []).map(({ key }) =>
    String(key).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1'),
  );
  return `#${tokens.map((token) => `/${encodeURIComponent(token)}`).join('')}`;
}
