/** Sends the embedded host what was once sent to the real Azure Functions host, and expects the same answers. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import recorded from './fixtures/host-conformance/recorded.json';
import { exchange, type RawResponse, type StartedApp, start, stopAll } from './host-support';

interface Recording {
  name: string;
  request: { method: string; path: string; version?: string; headers: string[][]; body?: string };
  response: { status: number; headers: string[][]; body?: string; bodyBase64?: string; bodyLength?: number | string };
}

/** Recordings that the embedded host answers otherwise on purpose, each with the reason. */
const LISTED_DIFFERENCES: Readonly<Record<string, string>> = {
  'key: function level, none': 'Like `func start`, it enforces no keys.',
  'key: function level, wrong': 'Like `func start`, it enforces no keys.',
  'admin status without a key': 'Like `func start`, it leaves the admin endpoints open.',
};

/** Set by the server for its own sake: how the body is framed, when it was sent. */
const framingHeaders = new Set(['content-length', 'transfer-encoding', 'date']);

let app: StartedApp;

beforeAll(async () => {
  app = await start(await readFile(path.join(__dirname, 'fixtures/host-conformance/app.js'), 'utf8'));
});
afterAll(stopAll);

const recordings = recorded as Recording[];
const isListed = ({ name }: Recording) => name in LISTED_DIFFERENCES;

it.each(recordings.filter((recording) => !isListed(recording)))(
  'answers as the real host: $name',
  async (recording) => {
    const response = await exchange(app.host.port, toBytes(recording));
    expect(observe(response, recording)).toEqual(expected(recording));
  },
);

it.each(recordings.filter(isListed))('differs, as listed: $name', async (recording) => {
  const response = await exchange(app.host.port, toBytes(recording));
  expect(observe(response, recording)).not.toEqual(expected(recording));
});

it('lists only differences that were recorded', () => {
  const names = recordings.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(Object.keys(LISTED_DIFFERENCES)));
});

function toBytes({ name, request }: Recording): Buffer {
  const headers = [...request.headers, ['connection', 'close']];
  if (name !== 'no Host header') headers.unshift(['host', 'localhost']);
  const lines = headers.map(([key, value = '']) => `${key}: ${restore(value)}\r\n`);
  const head = `${request.method} ${restore(request.path)} HTTP/${request.version ?? '1.1'}\r\n${lines.join('')}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), bodyBytes(request)]);
}

/** The recording stands in for long values with `xxx…(length)`. */
function restore(value: string): string {
  const shortened = /^(.*)…\((\d+)\)$/.exec(value);
  return shortened ? (shortened[1] ?? '').padEnd(Number(shortened[2]), 'x') : value;
}

/** Text was sent as UTF-8; bytes that are none stand in the recording as one character each. */
function bodyBytes({ headers, body = '' }: Recording['request']): Buffer {
  const declared = headers.find(([name]) => name === 'content-length')?.[1];
  const utf8 = Buffer.from(body, 'utf8');
  return declared === undefined || utf8.length === Number(declared) ? utf8 : Buffer.from(body, 'latin1');
}

function observe(response: RawResponse, { response: { body, bodyLength, bodyBase64 } }: Recording) {
  const { status, headers } = response;
  const observed = { status, headers: comparable(headers) };
  if (bodyLength === 'varies') return observed;
  if (bodyLength !== undefined) return { ...observed, bodyLength: response.body.length };
  if (bodyBase64 !== undefined) return { ...observed, bodyBase64: response.body.toString('base64') };
  // The host's own status: of its JSON only the state is fixed.
  if (body?.includes('…')) return { ...observed, state: /"state":"\w+"/.exec(response.body.toString())?.[0] };
  return { ...observed, body: response.body.toString('utf8') };
}

function expected({ response: { status, headers, body, bodyLength, bodyBase64 } }: Recording) {
  const common = { status, headers: comparable(headers) };
  if (bodyLength === 'varies') return common;
  if (bodyLength !== undefined) return { ...common, bodyLength };
  if (bodyBase64 !== undefined) return { ...common, bodyBase64 };
  if (body?.includes('…')) return { ...common, state: /"state":"\w+"/.exec(body)?.[0] };
  return { ...common, body };
}

/** Without what says only which server it is. */
function comparable(headers: readonly (readonly string[])[]): string[] {
  return headers
    .filter(([name = '', value]) => !framingHeaders.has(name) && !(name === 'server' && value === 'Kestrel'))
    .map(([name, value]) => `${name}: ${value}`)
    .sort();
}
