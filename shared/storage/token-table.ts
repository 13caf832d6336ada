/**
 * The cache tier that all instances share: one row a token, in Table Storage. The identity and its bound are sealed;
 * only the purge uses the column
 * `expiresAt`.
 */
import type { TokenKey } from '../auth/token-key';
import type { StoredIdentity, TokenStore } from '../auth/validator';
import type { Clock } from '../clock';
import type { Log } from '../log';
import { createGuard } from './guard';
import { purgeRows } from './purge';
import { createTableIfMissing, isNotFound, type OpenTable } from './table-client';

/** The most that one binary property may hold. */
const MAX_PROPERTY_BYTES = 64 * 1024;

type TokenRow = {
  readonly partitionKey: string;
  readonly rowKey: string;
  readonly sealed: Uint8Array;
  readonly expiresAt: Date;
};

export interface TokenTable extends TokenStore {
  /** Deletes the rows that have expired, for a minute at most, and returns how many. Rejects when the table fails. */
  purgeExpired(): Promise<number>;
}

export function createTokenTable(openTable: OpenTable, options: { clock: Clock; log: Log }): TokenTable {
  const guardOptions = { ...options, table: { isWarm: false } };
  const guardRead = createGuard('token_table_read', guardOptions);
  const guardWrite = createGuard('token_table_write', guardOptions);

  async function readRow(key: TokenKey, abortSignal: AbortSignal): Promise<StoredIdentity | 'miss'> {
    const table = await openTable();
    try {
      return fromTableEntity(key, await table.getEntity<TokenRow>(partitionOf(key.id), key.id, { abortSignal }));
    } catch (error) {
      if (isNotFound(error)) return 'miss';
      throw error;
    }
  }

  return {
    async read(key) {
      const found = await guardRead((abortSignal) => readRow(key, abortSignal));
      return found === 'late' ? 'miss' : found;
    },

    async write(key, stored) {
      const row = toTableEntity(key, stored);
      if (row.sealed.length > MAX_PROPERTY_BYTES) return; // each instance asks for this one again
      await guardWrite(async (abortSignal) => {
        const table = await openTable();
        await createTableIfMissing(table, abortSignal, () => table.upsertEntity(row, 'Replace', { abortSignal }));
      });
    },

    async purgeExpired() {
      const table = await openTable();
      const { odata } = await import('./sdk');
      return purgeRows(table, odata`expiresAt le ${new Date(options.clock.now())}`, options.clock);
    },
  };
}

/** 256 partitions: enough to spread the load, few enough to purge in batches. */
function partitionOf(keyId: string): string {
  return keyId.slice(0, 2);
}

function toTableEntity(key: TokenKey, stored: StoredIdentity): TokenRow {
  return {
    partitionKey: partitionOf(key.id),
    rowKey: key.id,
    sealed: key.seal(JSON.stringify(stored)),
    expiresAt: new Date(stored.expiresAtMs),
  };
}

/** A row that does not open, be it corrupt, moved, or of another secret or format, is a miss. */
function fromTableEntity(key: TokenKey, row: TokenRow): StoredIdentity | 'miss' {
  const plaintext = row.sealed instanceof Uint8Array ? key.open(row.sealed) : undefined;
  return plaintext === undefined ? 'miss' : (JSON.parse(plaintext) as StoredIdentity);
}
