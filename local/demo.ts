/** `npm run demo`: a tour of the endpoints against the running stack, or one that it starts; each step must answer as told. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type ChildService, startChildService } from './child-service';
import { runCommand } from './command';
import { LocalError } from './local-error';
import { repositoryRoot, settingsFile } from './paths';
import { defaultHostPort, isListening, portFromEnvironment } from './ports';
import { localEnvironment, readLocalSettings } from './settings';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON, or text. */
  readonly body: unknown;
}

/** What an answer must have; the members of `body` are compared one by one. */
interface Expected {
  readonly status: number;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

const shownHeaders = ['location', 'idempotency-replayed', 'www-authenticate', 'retry-after'];

let stepCount = 0;

async function step(title: string, url: string, init: RequestInit, expected: Expected): Promise<Answer> {
  console.log(`\n${++stepCount}. ${title}\n   ${init.method ?? 'GET'} ${url}`);
  for (const [name, value] of new Headers(init.headers)) console.log(`   ${name}: ${shortened(value)}`);
  if (init.body) console.log(`   ${init.body}`);

  const response = await fetch(url, init).catch(() => {
    throw new LocalError(`Nothing that speaks HTTP answers at ${new URL(url).origin}.`);
  });
  const text = await response.text();
  const answer = { status: response.status, headers: response.headers, body: parsed(text) };
  console.log(`   → ${answer.status}`);
  for (const name of shownHeaders) {
    if (answer.headers.has(name)) console.log(`     ${name}: ${answer.headers.get(name)}`);
  }
  console.log(`     ${shortened(text)}`);
  check(answer, expected);
  return answer;
}

function check({ status, headers, body }: Answer, expected: Expected): void {
  const actual = (body ?? {}) as Record<string, unknown>;
  const differences = [
    ...(status === expected.status ? [] : [`status ${status} instead of ${expected.status}`]),
    ...Object.entries(expected.headers ?? {})
      .filter(([name, value]) => headers.get(name) !== value)
      .map(([name, value]) => `${name}: ${headers.get(name)} instead of ${value}`),
    ...Object.entries(expected.body ?? {})
      .filter(([name, value]) => actual[name] !== value)
      .map(([name, value]) => `${name} ${JSON.stringify(actual[name])} instead of ${JSON.stringify(value)}`),
  ];
  if (differences.length > 0) throw new LocalError(`Step ${stepCount} answered ${differences.join(', ')}.`);
}

async function tour(hostUrl: string, identityUrl: string, card: string): Promise<void> {
  const tokenUrl = (parameters: Record<string, string>) =>
    `${identityUrl}/token?${new URLSearchParams({ user: 'asha', ...parameters })}`;
  const mint = async (title: string, parameters: Record<string, string>) =>
    member((await step(title, tokenUrl(parameters), {}, { status: 200 })).body, 'accessToken') as string;
  const whoami = async (title: string, accessToken: string, expected: Expected, source?: string) => {
    const { body } = await step(title, `${hostUrl}/api/whoami`, { headers: { accessToken } }, expected);
    const actual = member(member(body, 'validation'), 'source');
    if (source !== undefined && actual !== source) {
      throw new LocalError(`Step ${stepCount} answered validation.source ${actual} instead of ${source}.`);
    }
  };

  const accessToken = await mint('The card gets a token (here: from the stand-in)', { card });
  const isAsha = { status: 200, body: { name: 'Asha', actionPackageId: card } };
  await whoami('Who is it? The identity service is asked', accessToken, isAsha, 'identity-service');
  await whoami('Again: answered from memory', accessToken, isAsha, 'memory');

  const otherCard = await mint('A token of another card', { card: 'card-other' });
  await whoami('It is valid, but this card is not allowed', otherCard, {
    status: 403,
    body: { code: 'insufficient_scope' },
  });
  const expired = await mint('A token that expired a minute ago', { card, lifetimeSeconds: '-60' });
  await whoami('It is refused', expired, { status: 401, body: { code: 'invalid_token' } });
  if (existsSync(path.join(repositoryRoot, 'functions/orders'))) await tourOfSample(hostUrl, accessToken);
}

/** Left out once the sample is deleted. */
async function tourOfSample(hostUrl: string, accessToken: string): Promise<void> {
  const orders = `${hostUrl}/api/orders`;
  const headers = { accessToken, 'content-type': 'application/json', 'idempotency-key': randomUUID() };
  const order = { method: 'POST', headers, body: JSON.stringify({ item: 'filter coffee', quantity: 2 }) };
  const placed = await step('An order', orders, order, { status: 201, body: { item: 'filter coffee', quantity: 2 } });
  const id = member(placed.body, 'id');
  await step('The same again, as after a lost answer: no second order', orders, order, {
    status: placed.status,
    body: { id },
    headers: { 'idempotency-replayed': 'true' },
  });
  const listed = await step(
    'The newest order of this user and card',
    `${orders}?limit=1`,
    { headers: { accessToken } },
    { status: 200 },
  );
  if (member(member(member(listed.body, 'orders'), '0'), 'id') !== id) {
    throw new LocalError(`Step ${stepCount} answered another order than the one just placed.`);
  }
}

runCommand(async ({ onStop, fail, finish }) => {
  const port = portFromEnvironment('PORT', defaultHostPort);
  const env = localEnvironment(readLocalSettings(settingsFile).values, process.env, { port, appDirectory: '' });
  const identityUrl = env['IDENTITY_BASE_URL']?.replace(/\/$/, '');
  const card = env['ALLOWED_CARD_IDS']?.split(',')[0]?.trim();
  if (!identityUrl || !card)
    throw new LocalError('The demo needs the settings IDENTITY_BASE_URL and ALLOWED_CARD_IDS.');

  if (await isListening(port)) console.log(`A tour of the stack that runs on port ${port}.`);
  else {
    console.log(`Nothing runs on port ${port}: starting the stack for this tour.`);
    const stack = startStack();
    onStop(() => stack.stop());
    stack.ended.then((sentence) => fail(new LocalError(sentence)));
    await stack.ready;
  }
  await tour(`http://127.0.0.1:${port}`, identityUrl, card);
  console.log('\nEvery step answered as it should.');
  finish(0);
});

function startStack(): ChildService {
  return startChildService({
    name: 'The stack',
    args: ['--import', 'tsx', path.join(__dirname, 'start.ts')],
    isReady: (line) => line.startsWith('Watching'),
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** Tokens are long, and nothing to leave in a terminal. */
function shortened(text: string): string {
  return text.replace(/(eyJ[\w-]{8})[\w-]*\.[\w-]+\.[\w-]+/g, '$1…');
}
