/** What is attacked: an instance of the built app in a process of its own, with its Table Storage and its identity service. */
import { randomBytes } from 'node:crypto';
import { TableClient } from '@azure/data-tables';
import { startAzurite } from '../../local/azurite';
import {
  createIdentityService,
  type IdentityService,
  type TokenRequest,
} from '../../local/identity-service/create-identity-service';
import { createDeriveTokenKey } from '../../shared/auth/token-key';
import { footprintArguments } from '../../test/harness/footprint';
import { findFreePort } from '../../test/harness/free-port';
import { type Instance, startInstance } from '../../test/harness/instance';

/** The one that the app serves. */
export const CARD = 'card-notes';

export interface Stand {
  readonly instance: Instance;
  readonly port: number;
  readonly identity: IdentityService;
  /** The instance's, for others beside it. */
  readonly settings: Readonly<Record<string, string>>;
  readonly secret: string;
  /** Every good token that there is, of whatever card. */
  readonly tokens: readonly string[];
  mint(request?: TokenRequest): string;
  /** The row keys of a table; none where there is no table. */
  rowKeys(table: 'tokencache' | 'notes'): Promise<string[]>;
  /** Of the table of tokens, those of no good token. */
  countForeignRows(): Promise<number>;
  close(): Promise<void>;
}

export async function openStand(appDirectory: string): Promise<Stand> {
  const [azurite, identity] = await Promise.all([
    startAzurite({ port: await findFreePort() }),
    createIdentityService({ port: 0 }),
  ]);
  const closeServices = () => Promise.all([azurite.stop(), identity.close()]);
  const secret = randomBytes(32).toString('base64url');
  const settings = {
    IDENTITY_BASE_URL: identity.url,
    ALLOWED_CARD_IDS: CARD,
    TOKEN_CACHE_SECRET: secret,
    AzureWebJobsStorage: azurite.connectionString,
  };
  const instance = await startInstance(appDirectory, settings, { nodeArgs: footprintArguments }).catch(
    async (error) => {
      await closeServices();
      throw error;
    },
  );
  const tokens: string[] = [];
  const deriveKey = createDeriveTokenKey(secret, { name: 'kaizala', endpoint: `${identity.url}/v1/users/me` });

  async function rowKeys(table: string): Promise<string[]> {
    const options = { allowInsecureConnection: true };
    const keys: string[] = [];
    try {
      const rows = TableClient.fromConnectionString(azurite.connectionString, table, options).listEntities();
      for await (const { rowKey = '' } of rows) keys.push(rowKey);
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode !== 404) throw error;
    }
    return keys;
  }

  return {
    instance,
    port: Number(new URL(instance.url).port),
    identity,
    settings,
    secret,
    tokens,
    mint(request) {
      const token = identity.mint({ card: CARD, ...request });
      tokens.push(token);
      return token;
    },
    rowKeys,
    async countForeignRows() {
      const own = new Set(tokens.map((token) => deriveKey(token).id));
      return (await rowKeys('tokencache')).filter((rowKey) => !own.has(rowKey)).length;
    },
    async close() {
      await instance.stop();
      await closeServices();
    },
  };
}
