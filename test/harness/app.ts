/** The built app on the embedded host, in process, with the stand-in identity service and the Azurite of this run. */
import { randomBytes, randomUUID } from 'node:crypto';
import { createHost, type Host } from '../../local/functions-host/src/create-host';
import { createIdentityService, type IdentityService } from '../../local/identity-service/create-identity-service';
import { closeAtEnd } from './close-at-end';

export interface App {
  readonly host: Host;
  readonly identity: IdentityService;
  /** The card that ALLOWED_CARD_IDS names; another in each stack, so that tests share no rows. */
  readonly card: string;
  readonly settings: Readonly<Record<string, string>>;
  /** All that the host and the app have logged. */
  readonly lines: string[];
  mint(user?: string): string;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Another instance of the app: same settings, an empty memory. */
  startSecond(): Promise<App>;
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly body: any;
}

export function requireEnvironment(name: 'TEST_APP_DIRECTORY' | 'TEST_STORAGE'): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is set by the global set-up of the tests`);
  return value;
}

/** Loads what the first use of the table loads, so that the 250 ms of the table are enough for the next. */
export async function warm(app: App): Promise<App> {
  while ((await app.get('/api/health')).status !== 200);
  return app;
}

/** @param appDirectory another build than the one of this run */
export async function startApp(
  overrides: Record<string, string> = {},
  appDirectory = requireEnvironment('TEST_APP_DIRECTORY'),
): Promise<App> {
  const identity = closeAtEnd(await createIdentityService({ port: 0 }));
  const card = `card-${randomUUID()}`;
  const settings = {
    IDENTITY_BASE_URL: identity.url,
    ALLOWED_CARD_IDS: card,
    TOKEN_CACHE_SECRET: randomBytes(32).toString('base64url'),
    AzureWebJobsStorage: requireEnvironment('TEST_STORAGE'),
    ...overrides,
  };
  const app = await serve(identity, card, settings, appDirectory);
  return {
    ...app,
    async close() {
      await app.close();
      await identity.close();
    },
  };
}

async function serve(
  identity: IdentityService,
  card: string,
  settings: Record<string, string>,
  appDirectory: string,
): Promise<App> {
  const lines: string[] = [];
  const host = closeAtEnd(await createHost({ appDirectory, env: settings, port: 0, log: (line) => lines.push(line) }));

  const send = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(host.url + path, init);
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
  };

  return {
    host,
    identity,
    card,
    settings,
    lines,
    mint: (user = 'asha') => identity.mint({ user, card }),
    get: (path, headers = {}) => send(path, { headers }),
    post: (path, body, headers = {}) =>
      send(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    startSecond: () => serve(identity, card, settings, appDirectory),
    close: () => host.close(),
  };
}
