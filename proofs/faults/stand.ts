/** Where the cells of the matrix run: backends, which share one Azurite and one stand-in for the identity service. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { TableClient } from '@azure/data-tables';
import { startAzurite } from '../../local/azurite';
import { createHost } from '../../local/functions-host/src/create-host';
import { createIdentityService } from '../../local/identity-service/create-identity-service';
import { createDeriveTokenKey, type DeriveTokenKey } from '../../shared/auth/token-key';
import { findFreePort } from '../../test/harness/free-port';
import { createLine, type Line } from './line';
import { ATTEMPT_MS } from './prediction';

export interface Stand {
  openBackend(): Promise<Backend>;
  /** With all that is open in it. */
  close(): Promise<void>;
}

/** Two instances of the built app, and their two upstreams, each at the end of a line that can fail. */
export interface Backend {
  readonly identityLine: Line;
  readonly tableLine: Line;
  /** The table of tokens, past the line. */
  readonly tokens: TableClient;
  readonly secret: string;
  readonly provider: { readonly name: string; readonly endpoint: string };
  readonly deriveKey: DeriveTokenKey;
  /** All that the hosts and the apps have logged. */
  readonly lines: readonly string[];
  /** Whether an answer that comes late is a complaint: on a machine that has nothing else to do. */
  readonly judgesTime: boolean;
  mint(user: string): string;
  ask(token: string): Promise<Answer>;
  /** Asks the other instance, which has the same settings and a memory of its own. */
  askOther(token: string): Promise<Answer>;
  close(): Promise<void>;
}

/** Of `GET /api/whoami`. */
export interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly source: string | undefined;
  readonly id: string | undefined;
  /** In seconds. */
  readonly retryAfter: number | undefined;
  readonly elapsedMs: number;
  /** Header and body. */
  readonly text: string;
}

/** The one that the app serves. */
export const CARD = 'card-orders';
const MAX_BACKENDS = 500;
const WARM_UP_LIMIT_MS = 60_000;
const WARM_UP_PAUSE_MS = 100;
/** Who is not answered by then never will be. */
const NO_ANSWER_MS = 10_000;
const ACCOUNT_KEY = Buffer.from('key').toString('base64');

export async function openStand(appDirectory: string, judgesTime: boolean): Promise<Stand> {
  const accounts = Array.from({ length: MAX_BACKENDS }, (_, n) => `backend${n}`);
  // One account, and so one table of tokens, for each. Azurite reads it from its environment, which it inherits.
  process.env['AZURITE_ACCOUNTS'] = accounts.map((account) => `${account}:${ACCOUNT_KEY}`).join(';');
  const [azurite, identity] = await Promise.all([
    startAzurite({ port: await findFreePort() }),
    createIdentityService({ port: 0 }),
  ]);

  const opened = new Set<Backend>();

  function connectionString(account: string, tableUrl: string): string {
    return `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${ACCOUNT_KEY};TableEndpoint=${tableUrl}/${account};`;
  }

  return {
    async openBackend() {
      const account = accounts.pop() ?? '';
      const [identityLine, tableLine] = await Promise.all([createLine(identity.port), createLine(azurite.port)]);
      const secret = randomBytes(32).toString('base64url');
      const env = {
        IDENTITY_BASE_URL: identityLine.url,
        ALLOWED_CARD_IDS: CARD,
        TOKEN_CACHE_SECRET: secret,
        IDENTITY_TIMEOUT_MS: String(ATTEMPT_MS),
        AzureWebJobsStorage: connectionString(account, tableLine.url),
      };
      const lines: string[] = [];
      const startHost = () => createHost({ appDirectory, env, port: 0, log: (line) => lines.push(line) });
      const [host, other] = [await startHost(), await startHost()];
      const past = connectionString(account, `http://127.0.0.1:${azurite.port}`);
      const tokens = TableClient.fromConnectionString(past, 'tokencache', { allowInsecureConnection: true });
      const provider = { name: 'kaizala', endpoint: `${identityLine.url}/v1/users/me` };
      const backend: Backend = {
        identityLine,
        tableLine,
        tokens,
        secret,
        provider,
        deriveKey: createDeriveTokenKey(secret, provider),
        lines,
        judgesTime,
        mint: (user) => identity.mint({ user, card: CARD }),
        ask: (token) => whoami(host.url, token),
        askOther: (token) => whoami(other.url, token),
        async close() {
          opened.delete(backend);
          await Promise.all([host.close(), other.close()]);
          await Promise.all([identityLine.close(), tableLine.close()]);
        },
      };
      opened.add(backend);
      await warmUp(backend);
      return backend;
    },
    async close() {
      for (const backend of opened) await backend.close();
      await Promise.all([azurite.stop(), identity.close()]);
    },
  };
}

/** Under which the app keeps a token. */
export function rowKeys({ deriveKey }: Backend, token: string): { partitionKey: string; rowKey: string } {
  const { id } = deriveKey(token);
  return { partitionKey: id.slice(0, 2), rowKey: id };
}

export function hasRow(backend: Backend, token: string): Promise<boolean> {
  const { partitionKey, rowKey } = rowKeys(backend, token);
  return backend.tokens.getEntity(partitionKey, rowKey).then(
    () => true,
    () => false,
  );
}

/** Whether there is trouble with the table whose end the app has not told yet. */
function isInTrouble(lines: readonly string[]): boolean {
  const count = (event: string) => lines.filter((line) => new RegExp(`token_table_\\w+_${event}"`).test(line)).length;
  return count('failed') > count('recovered');
}

/** Until all is loaded and connected, for which the deadline of the table may be too short at the very first. */
async function warmUp(backend: Backend): Promise<void> {
  // The first error that is destroyed with a stream makes Node parse the source map of the bundle, for up to 0.5 s.
  await backend.identityLine.fail(({ response }) => response.writeHead(200, { 'content-length': 9 }).socket?.end());
  const [token, other] = [backend.mint('chen'), backend.mint('chen')];
  await Promise.all([backend.ask(token), backend.askOther(other)]);
  await backend.identityLine.mend();
  const startedAtMs = performance.now();
  while (performance.now() - startedAtMs < WARM_UP_LIMIT_MS) {
    const [token, other] = [backend.mint('chen'), backend.mint('chen')];
    await Promise.all([backend.ask(token), backend.askOther(other)]);
    const hasRows = (await hasRow(backend, token)) && (await hasRow(backend, other));
    if (hasRows && !isInTrouble(backend.lines)) return;
    await delay(WARM_UP_PAUSE_MS);
  }
  throw new Error('The app does not get warm.');
}

async function whoami(hostUrl: string, token: string): Promise<Answer> {
  const startedAtMs = performance.now();
  const headers = { authorization: `Bearer ${token}` };
  const signal = AbortSignal.timeout(NO_ANSWER_MS);
  const response = await fetch(`${hostUrl}/api/whoami`, { headers, signal });
  const text = await response.text();
  const elapsedMs = performance.now() - startedAtMs;
  const retryAfter = response.headers.get('retry-after');
  const body = JSON.parse(text) as { code?: string; id?: string; validation?: { source: string } };
  return {
    status: response.status,
    code: body.code,
    source: body.validation?.source,
    id: body.id,
    retryAfter: retryAfter === null ? undefined : Number(retryAfter),
    elapsedMs,
    text: `${JSON.stringify([...response.headers])} ${text}`,
  };
}
