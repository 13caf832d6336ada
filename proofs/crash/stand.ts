/** Two instances of the app in processes of their own, on one storage, and a look into the table past them. */
import { randomBytes, randomUUID } from 'node:crypto';
import { TableClient } from '@azure/data-tables';
import { createIdentityService } from '../../local/identity-service/create-identity-service';
import { type Instance, startInstance } from '../../test/harness/instance';
import { findLastingPort } from './lasting-port';
import { type PlacedNote, users } from './placed-note';

/** Of the two. */
export type Slot = 0 | 1;

export interface Stand {
  /** Those that serve now. */
  readonly instances: readonly [Instance, Instance];
  /** Of this stand alone, and so are its notes. */
  readonly card: string;
  readonly table: TableClient;
  /** All that has been asked for here. */
  readonly notes: PlacedNote[];
  token(user: string): string;
  /** One more, with the settings of the two. */
  startInstance(): Promise<Instance>;
  /** Starts another instance in the place of one that has ended. */
  replace(slot: Slot): Promise<void>;
  close(): Promise<void>;
}

/** @param storage a connection string */
export async function openStand(appDirectory: string, storage: string): Promise<Stand> {
  const identity = await createIdentityService({ port: 0 });
  const card = `card-${randomUUID()}`;
  const settings = {
    IDENTITY_BASE_URL: identity.url,
    ALLOWED_CARD_IDS: card,
    TOKEN_CACHE_SECRET: randomBytes(32).toString('base64url'),
    AzureWebJobsStorage: storage,
  };
  const tokens = new Map(users.map((user) => [user, identity.mint({ user, card })]));
  const started: Instance[] = [];
  const start = async () => {
    const instance = await startInstance(appDirectory, settings, { port: await findLastingPort() });
    started.push(instance);
    return instance;
  };
  const instances: [Instance, Instance] = await Promise.all([start(), start()]);

  return {
    instances,
    card,
    notes: [],
    table: TableClient.fromConnectionString(storage, 'notes', { allowInsecureConnection: true }),
    token: (user) => tokens.get(user) ?? '',
    startInstance: start,
    async replace(slot) {
      instances[slot] = await start();
    },
    async close() {
      await Promise.all(started.map((instance) => instance.stop()));
      await identity.close();
    },
  };
}
