/** What is soaked: two instances of the built app, each a process of its own, on one Azurite and one identity service. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { startAzurite } from '../../local/azurite';
import { createIdentityService, type IdentityService } from '../../local/identity-service/create-identity-service';
import { findFreePort } from '../../test/harness/free-port';
import { type Instance, startInstance } from '../../test/harness/instance';
import { createTcpSwitch, type TcpSwitch } from '../../test/harness/tcp-switch';

export interface SoakHost extends Instance {
  /** For people. */
  readonly name: string;
}

export interface Stand {
  readonly hosts: readonly SoakHost[];
  readonly identity: IdentityService;
  /** Between the instances and Azurite. */
  readonly storageLine: TcpSwitch;
  /** The first lines that the apps logged as errors. */
  readonly errors: readonly string[];
  close(): Promise<void>;
}

const WARM_UP_LIMIT_MS = 20_000;
const WARM_UP_PAUSE_MS = 100;
const MAX_ERRORS = 10;
/**
 * V8 lets garbage lie for as long as the machine has room: within ten minutes a host went from 130 MB to 350 MB and back,
 * while it held 37 MB of objects all the time. Collected every 10 s, its memory is what it holds on to, and little else.
 */
const COLLECT_GARBAGE = ['--expose-gc', '--import', 'data:text/javascript,setInterval(gc,10_000).unref()'];

/** @param cards those that are allowed */
export async function openStand(appDirectory: string, cards: readonly string[]): Promise<Stand> {
  const opened: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const stop of opened.splice(0).reverse()) await stop();
  };
  try {
    const azurite = await startAzurite({ port: await findFreePort() });
    opened.push(azurite.stop);
    const identity = await createIdentityService({ port: 0 });
    opened.push(identity.close);
    const storageLine = await createTcpSwitch(azurite.port);
    opened.push(storageLine.close);
    const settings = {
      IDENTITY_BASE_URL: identity.url,
      ALLOWED_CARD_IDS: cards.join(','),
      TOKEN_CACHE_SECRET: randomBytes(32).toString('base64url'),
      AzureWebJobsStorage: azurite.connectionString.replace(`:${azurite.port}/`, `:${storageLine.port}/`),
    };
    const errors: string[] = [];
    const noteErrors = (line: string) => {
      if (line.startsWith('error: ') && errors.length < MAX_ERRORS) errors.push(line);
    };
    const hosts: SoakHost[] = [];
    for (const name of ['host 1', 'host 2']) {
      const instance = await startInstance(appDirectory, settings, { nodeArgs: COLLECT_GARBAGE, log: noteErrors });
      opened.push(instance.stop);
      hosts.push({ ...instance, name });
    }
    const [first, second] = hosts as [SoakHost, SoakHost];
    await warmUp(identity, cards[0] as string, first, second);
    await warmUp(identity, cards[0] as string, second, first);
    return { hosts, identity, storageLine, errors, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Until one host leaves rows that the other reads, for which the deadline of the table may be too short at the very first. */
async function warmUp(identity: IdentityService, card: string, writer: SoakHost, reader: SoakHost): Promise<void> {
  const startedAtMs = performance.now();
  while (performance.now() - startedAtMs < WARM_UP_LIMIT_MS) {
    const headers = { authorization: `Bearer ${identity.mint({ card })}` };
    await (await fetch(`${writer.url}/api/whoami`, { headers })).text();
    const answer = await (await fetch(`${reader.url}/api/whoami`, { headers })).text();
    if (answer.includes('"source":"table"')) return;
    await delay(WARM_UP_PAUSE_MS);
  }
  throw new Error('The hosts do not share a table.');
}
