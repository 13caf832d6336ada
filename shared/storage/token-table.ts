/**
 * The cache tier that all instances share: one row a token, in Table Storage. The identity and its bound are sealed;
 * the column `expiresAt` is only for the purge, and believed by nobody else.
 */
import type { TokenKey } from '../auth/token-key';
import type { StoredIdentity, TokenStore } from '../auth/validator';
import type { Clock } from '../clock';
import { purgeRows } from './purge';
import { isNotFound, makingTable, type OpenTable } from './table-client';

/** The most that one binary property may hold. */
const MAX_PROPERTY_BYTES = 64 * 1024;

type TokenRow = {
  readonly partitionKey: string;
  readonly rowKey: string;
  readonly sealed: Uint8Array;
  readonly expiresAt: Date;
};

export interface TokenTable extends TokenStore {
  /** Deletes the rows that have expired, for a minute at most, and returns how many. Throws when the table fails. */
  purgeExpired(): Promise<number>;
}

export function createTokenTable(openTable: OpenTable, clock: Clock): TokenTable {
  return {
    async read(key, abortSignal) {
      const table = await openTable();
      try {
        const row = await table.getEntity<TokenRow>(partitionOf(key.id), key.id, { abortSignal });
        return fromRow(key, row);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },

    async write(key, stored, abortSignal) {
      const row = toRow(key, stored);
      if (row.sealed.length > MAX_PROPERTY_BYTES) return; // this one is asked for again by each instance
      const table = await openTable();
      await makingTable(table, abortSignal, () => table.upsertEntity(row, 'Replace', { abortSignal }));
    },

    async purgeExpired() {
      const table = await openTable();
      const { odata } = await import('./sdk');
      return purgeRows(table, odata`expiresAt le ${new Date(clock.now())}`, clock);
    },
  };
}

/** 256 partitions: enough to spread the load, few enough to purge in batches. */
function partitionOf(keyId: string): string {
  return keyId.slice(0, 2);
}

function toRow(key: TokenKey, stored: StoredIdentity): TokenRow {
  return {
    partitionKey: partitionOf(key.id),
    rowKey: key.id,
    sealed: key.seal(JSON.stringify(stored)),
    expiresAt: new Date(stored.expiresAtMs),
  };
}

/** A row that does not open, be it corrupt, moved, or of another secret or format, is a miss. */
function fromRow(key: TokenKey, row: TokenRow): StoredIdentity | undefined {
  const plaintext = row.sealed instanceof Uint8Array ? key.open(row.sealed) : undefined;
  return plaintext === undefined ? undefined : (JSON.parse(plaintext) as StoredIdentity);
}
