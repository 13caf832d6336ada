/** The cache tier that all instances share: one row per token, its identity sealed. Only the purge uses `expiresAt`. */
import type { TokenKey } from '../auth/token-key';
import type { StoredIdentity, TokenStore } from '../auth/validator';
import type { Clock } from '../clock';
import type { Log } from '../log';
import { createGuard } from './guard';
import { type Purgeable, purgeRows } from './purge';
import { createTableIfMissing, type OpenTable, unlessStatus } from './table-client';

const MAX_PROPERTY_BYTES = 64 * 1024; // the most that a binary property may hold

export function createTokenTable(openTable: OpenTable, options: { clock: Clock; log: Log }): TokenStore & Purgeable {
  const guardOptions = { ...options, table: { isWarm: false } };
  const guardRead = createGuard('token_table_read', guardOptions);
  const guardWrite = createGuard('token_table_write', guardOptions);
  return {
    table: 'tokencache',
    async read(key) {
      const found = await guardRead(async (abortSignal) => {
        const table = await openTable();
        const row = await unlessStatus(table.getEntity(partitionOf(key), key.id, { abortSignal }), 404);
        const sealed = row?.['sealed'];
        // A row that does not open, be it corrupt, moved, or of another secret or format, is a miss.
        const opened = sealed instanceof Uint8Array ? key.open(sealed) : undefined;
        return opened === undefined ? 'miss' : (JSON.parse(opened) as StoredIdentity);
      });
      return found === 'late' ? 'miss' : found;
    },

    async write(key, stored) {
      const sealed = key.seal(JSON.stringify(stored));
      if (sealed.length > MAX_PROPERTY_BYTES) return; // each instance asks for this one again
      const expiresAt = new Date(stored.expiresAtMs);
      const row = { partitionKey: partitionOf(key), rowKey: key.id, sealed, expiresAt };
      await guardWrite(async (abortSignal) => {
        const table = await openTable();
        await createTableIfMissing(table, abortSignal, () => table.upsertEntity(row, 'Replace', { abortSignal }));
      });
    },

    async purge() {
      const now = new Date(options.clock.now()).toISOString();
      return purgeRows(await openTable(), `expiresAt le datetime'${now}'`, options.clock);
    },
  };
}

/** 256 partitions: enough to spread the load, few enough to purge. */
const partitionOf = ({ id }: TokenKey) => id.slice(0, 2);
