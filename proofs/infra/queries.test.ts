/** The saved queries and the alert's: sound Kusto, about lines that the app really logs. */
import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { repositoryRoot } from '../../local/paths';
import { type Answer, type App, startApp } from '../../test/harness/app';
import { buildAppWith } from '../../test/harness/build-app-with';
import { closeAtEnd } from '../../test/harness/close-at-end';
import { listRows, openTable } from '../../test/harness/tables';
import { jwtWith } from '../../test/harness/tokens';
import { diagnose, outputColumns } from '../../test/infra/kusto';

const read = (file: string) => readFileSync(path.join(repositoryRoot, file), 'utf8');
const names = readdirSync(path.join(repositoryRoot, 'infra/queries')).sort();
const queries = names.map((name): [string, string] => [name, read(`infra/queries/${name}`)]);

/** Events that no query reads, and why an operator needs none. */
const unread: Readonly<Record<string, string>> = {
  token_table_read_failed: 'validation goes on without the table; what it costs shows in upstream-calls',
  token_table_read_recovered: 'as above',
  token_table_write_failed: 'as above',
  token_table_write_recovered: 'as above',
  rows_purged: 'housekeeping, on which nothing depends',
  rows_unreadable: 'an error of one table, for whoever owns its feature',
  setting_unknown: 'a warning at the start, for whoever has just set it',
};

describe('the parser', () => {
  it.each([
    ['a column that is not there', 'AppTraces\n| where SeverityLevl >= 3', /^line 2: .*'SeverityLevl'/],
    ['a column of another table', 'AppTraces | project DurationMs', /^line 1: .*'DurationMs'/],
    ['a column that summarize has dropped', 'AppTraces | summarize sum(ItemCount) | project Message', /'Message'/],
    ['a table that is not there', 'traces | take 1', /'traces'/],
    ['a function that is not there', 'AppTraces | extend x = to_string(Message)', /'to_string'/],
    ['an expression that is missing', 'AppTraces | where | take 1', /Missing expression/],
    ['a bracket that is open', 'AppTraces | summarize sum(ItemCount', /Expected: \)/],
    ['a dynamic value to group by', 'AppTraces | summarize sum(ItemCount) by parse_json(Message).x', /'dynamic'/],
  ])('finds %s', (_, query, problem) => {
    expect(diagnose(query)).toEqual([expect.stringMatching(problem)]);
  });

  it('names the columns of the result', () => {
    expect(outputColumns('AppRequests | summarize n = sum(ItemCount) by bin(TimeGenerated, 5m), Name')).toEqual([
      'TimeGenerated',
      'Name',
      'n',
    ]);
  });
});

describe.each(queries)('%s', (_, query) => {
  it('has nothing wrong', () => expect(diagnose(query)).toEqual([]));

  it('begins with its title', () => expect(query).toMatch(/^\/\/ [A-Z][^\r\n]*[^\s.]\n[A-Z]/));

  it('counts what sampling has left out: by ItemCount, not by rows', () => {
    expect(query).toMatch(/\b(sum|sumif)\(ItemCount\b|= ItemCount \* /);
    expect(query).not.toMatch(/\b(count|countif|dcount|dcountif|count_distinct|count_distinctif)\s*\(|\|\s*count\b/);
  });
});

it('each query has another title', () => {
  expect(new Set(queries.map(([, query]) => query.split('\n')[0])).size).toBe(names.length);
});

describe('what is deployed', () => {
  const [monitoring, alerts] = [read('infra/modules/monitoring.bicep'), read('infra/modules/alerts.bicep')];
  const loaded = (bicep: string) =>
    [...bicep.matchAll(/loadTextContent\('\.\.\/queries\/([^']+)'\)/g)].map(([, name = '']) => name);

  it('is each query, saved under the name of its file or asked by an alert', () => {
    expect([...loaded(monitoring), ...loaded(alerts)].sort()).toEqual(names);
    const saved = [...monitoring.matchAll(/\{ name: '([^']+)', text: loadTextContent/g)].map(
      ([, name]) => `${name}.kql`,
    );
    expect(saved).toEqual(loaded(monitoring));
  });

  it("measures a column of the alert's query", () => {
    const measured = [...alerts.matchAll(/queries\/([^']+)'\)\s+column: '([^']+)'/g)];
    expect(measured.map(([, name]) => name)).toEqual(loaded(alerts));
    expect(measured.length).toBeGreaterThan(0);
    for (const [, name, column] of measured) {
      expect(outputColumns(read(`infra/queries/${name}`))).toContain(column);
    }
  });

  it('waits for the heartbeat of a timer that the app has', async () => {
    const { host } = await startApp();
    const timers = host.functions.filter(({ trigger }) => trigger === 'timer').map(({ name }) => name);
    const [, name] = /Name == '([^']+)'/.exec(read('infra/queries/no-heartbeat.kql')) ?? [];
    expect(timers).toContain(name);
  });

  it('samples, but neither requests nor exceptions', () => {
    const { samplingSettings } = JSON.parse(read('host.json')).logging.applicationInsights;
    expect(samplingSettings).toEqual({ isEnabled: true, excludedTypes: 'Request;Exception' });
  });
});

describe('the lines that the queries read', () => {
  /** Of each event that the app has logged here, its fields and their values. */
  const logged = new Map<string, Map<string, Set<unknown>>>();
  const valuesOf = (events: readonly string[], field: string) =>
    new Set(events.flatMap((event) => [...(logged.get(event)?.get(field) ?? [])]));
  /** The codes of the answers that challenge for another token. */
  const challenging = new Set<string>();

  beforeAll(async () => {
    for (const { event, ...fields } of await runTheApp((answer) => {
      if (answer.headers.has('www-authenticate')) challenging.add(answer.body.code);
    })) {
      const known = logged.get(event) ?? new Map<string, Set<unknown>>();
      logged.set(event, known);
      for (const [field, value] of Object.entries(fields)) known.set(field, (known.get(field) ?? new Set()).add(value));
    }
  }, 60_000);

  it('were all logged here: there is no event in the source that did not happen', () => {
    const declared = readSources().flatMap((source) =>
      [...source.matchAll(/\blog\(\s*(?:'\w+'|level),\s*'(\w+)'|\bcreateGuard\('(\w+)'/g)].flatMap(
        ([, event, guarded]) => event ?? [`${guarded}_failed`, `${guarded}_recovered`],
      ),
    );
    expect([...logged.keys()].sort()).toEqual([...new Set(declared)].sort());
  });

  it('are all that an operator needs to see: each event is read, or is on the list of those that need not be', () => {
    const readEvents = queries.flatMap(([, query]) => eventsOf(query));
    expect([...new Set([...readEvents, ...Object.keys(unread)])].sort()).toEqual([...logged.keys()].sort());
    expect(Object.keys(unread).filter((event) => readEvents.includes(event))).toEqual([]);
  });

  const ofTraces = queries.filter(([, query]) => query.includes('AppTraces'));

  it.each(ofTraces)('%s reads fields and looks for values that its events have', (_, query) => {
    const events = eventsOf(query);
    expect(events).not.toEqual([]);
    const fields = [...query.matchAll(/\bline\.(\w+)/g)].map(([, field = '']) => field);
    const known = new Set(['event', ...events.flatMap((event) => [...(logged.get(event)?.keys() ?? [])])]);
    expect(fields.filter((field) => !known.has(field))).toEqual([]);
    for (const { field, values } of comparisonsIn(query)) {
      const happened = field === 'event' ? new Set<unknown>(logged.keys()) : valuesOf(events, field);
      expect(values.filter((value) => !happened.has(value))).toEqual([]);
    }
  });

  it.each(ofTraces)('%s: no literal of it escapes these tests', (_, query) => {
    const literals = [...query.matchAll(/'([^']*)'|"([^"]*)"/g)].map(([, single, double]) => single ?? double);
    expect(comparisonsIn(query).flatMap(({ values }) => values)).toEqual(literals);
  });

  it('breaker-state knows every state', () => {
    const states = comparisonsIn(read('infra/queries/breaker-state.kql')).filter(({ field }) => field === 'breaker');
    expect(new Set(states.flatMap(({ values }) => values))).toEqual(valuesOf(['token_validation'], 'breaker'));
  });

  it('rejected-tokens-by-reason counts what is answered with a challenge, and nothing else', () => {
    const codes = comparisonsIn(read('infra/queries/rejected-tokens-by-reason.kql')).filter(
      ({ field }) => field === 'code',
    );
    expect(new Set(codes.flatMap(({ values }) => values))).toEqual(challenging);
  });
});

interface Comparison {
  readonly field: string;
  readonly values: readonly string[];
}

/** What a query compares fields of the line with, directly or by another name of theirs. */
function comparisonsIn(query: string): Comparison[] {
  const aliases = new Map(
    [...query.matchAll(/(\w+) = tostring\(line\.(\w+)\)/g)].map(([, alias, field]) => [alias, field]),
  );
  const pattern = /(?:tostring\(line\.(\w+)\)|\b(\w+)) (?:==|in) (?:'([^']*)'|\(([^)]*)\))/g;
  return [...query.matchAll(pattern)].map(([, direct, alias, value, list = '']) => ({
    field: direct ?? aliases.get(alias) ?? `(unknown: ${alias})`,
    values: value === undefined ? [...list.matchAll(/'([^']*)'/g)].map(([, one = '']) => one) : [value],
  }));
}

function eventsOf(query: string): string[] {
  return comparisonsIn(query).flatMap(({ field, values }) => (field === 'event' ? values : []));
}

function readSources(): string[] {
  return ['functions', 'shared'].flatMap((folder) =>
    readdirSync(path.join(repositoryRoot, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => read(path.join(folder, file))),
  );
}

interface LogLine {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** Brings the app into every situation that it logs; answers all lines. */
async function runTheApp(look: (answer: Answer) => void): Promise<LogLine[]> {
  const appDirectory = await buildAppWith(`
    import { app } from '@azure/functions';
    import { Problem } from '../shared/problem';
    import { secured } from '../shared/services';
    import '../test/harness/notes';
    const clocks = [Date, performance].map((clock) => ({ clock, now: clock.now.bind(clock) }));
    let aheadMs = 0;
    for (const { clock, now } of clocks) clock.now = () => now() + aheadMs;
    app.hook.appTerminate(() => { for (const { clock, now } of clocks) clock.now = now; });
    app.http('none', { authLevel: 'anonymous', handler: secured(() => { throw new Problem('not_found'); }) });
    app.http('later', { authLevel: 'anonymous', handler: () => { aheadMs += 5_000; return { status: 204 }; } });`);
  const table = await createFailingTable();
  const app = await startApp({}, appDirectory);
  const second = await app.startSecond();
  const withoutTable = await startApp({ AzureWebJobsStorage: table.connectionString, IDENTITY_TIMEOUT: '100' });
  const get = async (headers: Record<string, string>, instance: App = app) => {
    const answer = await instance.get('/api/whoami', headers);
    look(answer);
  };
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  const known = app.mint();
  await get(bearer(known));
  await get(bearer(known));
  await get(bearer(known), second);

  await get({});
  await get({ ...bearer(known), accessToken: known });
  await get(bearer('tok$en'));
  await get(bearer(jwtWith({ exp: 1 })));
  await get(bearer(`${known}x`));
  await get(bearer(app.identity.mint({ card: 'not-listed' })));
  look(await app.get('/api/none', bearer(known)));

  await app.post('/api/notes', { item: 'to be made unreadable', quantity: 1 }, bearer(known));
  await makeNoteUnreadable();
  await app.get('/api/notes', bearer(known));

  app.identity.fault({ kind: 'status', status: 500 });
  await app.get('/api/later'); // a success of just now would keep the circuit closed
  for (let request = 1; request <= 6; request += 1) await get(bearer(app.mint()));
  await app.get('/api/later');
  app.identity.fault({ kind: 'delay', delayMs: 500 });
  const callsSoFar = app.identity.calls;
  const probe = get(bearer(app.mint()));
  while (app.identity.calls === callsSoFar) await nextTurn();
  await get(bearer(app.mint())); // while the circuit is half-open
  await probe;

  for (const operation of ['read', 'write'] as const) {
    table.fail(operation);
    await get(bearer(withoutTable.mint()), withoutTable);
    table.fail(undefined);
    await app.get('/api/later');
    await get(bearer(withoutTable.mint()), withoutTable);
  }

  await fetch(`${app.host.url}/admin/functions/purge`, { method: 'POST', body: '{"input":""}' });
  // Each instance puts back the clocks that it has found: the first one's are the true ones.
  for (const one of [withoutTable, second, app, table]) await one.close();
  await rm(appDirectory, { recursive: true });
  return [app, second, withoutTable].flatMap(({ lines }) =>
    lines.flatMap((line) => {
      const [json] = /\{("level":"\w+",)?"event":.*\}$/.exec(line) ?? [];
      return json === undefined ? [] : [JSON.parse(json)];
    }),
  );
}

async function makeNoteUnreadable(): Promise<void> {
  const notes = openTable('notes');
  const [row] = (await listRows(notes)).filter(({ content }) => String(content).includes('to be made unreadable'));
  await notes.updateEntity({
    partitionKey: String(row?.['partitionKey']),
    rowKey: String(row?.['rowKey']),
    content: '{',
  });
}

/** A table that is empty, takes what is written, and fails when it is told to. */
async function createFailingTable() {
  let failing: 'read' | 'write' | undefined;
  const server = closeAtEnd(
    createServer((request, response) => {
      const operation = request.method === 'GET' ? 'read' : 'write';
      response.writeHead(failing === operation ? 500 : operation === 'read' ? 404 : 204).end();
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    connectionString: [
      'DefaultEndpointsProtocol=http',
      'AccountName=devstoreaccount1',
      'AccountKey=a2V5',
      `TableEndpoint=http://127.0.0.1:${port}/devstoreaccount1`,
    ].join(';'),
    fail(operation: 'read' | 'write' | undefined) {
      failing = operation;
    },
    close() {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
