import { type JsonBody, readJsonBody, requireJson } from '../../shared/http/json-body';
import { Problem } from '../../shared/problem';

const order = '{"item":"Tea"}';

/** A request that counts how often its body is read. */
function request(contentType: string | null, body: string | Uint8Array = order, headers: Record<string, string> = {}) {
  const { buffer, byteOffset, byteLength } = Buffer.from(body);
  const arrayBuffer = jest.fn(async () => buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer);
  const all = { 'content-length': String(byteLength), ...headers };
  return { headers: new Headers(contentType === null ? all : { ...all, 'content-type': contentType }), arrayBuffer };
}

/** The problem of a body that was sent and not read: its code, and what is wrong. */
function problemOf(body: JsonBody): unknown[] {
  if (body.kind !== 'unreadable') return [body.kind];
  const { code, status, options } = body.problem;
  expect(thrownBy(() => requireJson(body))).toBe(body.problem);
  return [status, code, ...(options.errors ?? []), ...(options.headers ? [options.headers] : [])];
}

it.each([
  'application/json',
  'Application/JSON',
  'application/json; charset=utf-8',
  'application/json ;x',
  'application/vnd.card+json',
  'application/vnd.card+json;v=1',
])('reads a body of the media type "%s"', async (contentType) => {
  expect(await readJsonBody(request(contentType))).toEqual({ kind: 'json', value: { item: 'Tea' }, text: order });
});

const otherMediaTypes = [
  null,
  '',
  'text/plain',
  'text/plain; a=application/json',
  'application/json-seq',
  'xapplication/json',
  'application/jsonx',
  'application/vnd.cardjson',
  'application/+json',
  'application/a/b+json',
  'application/a b+json',
];

it.each(otherMediaTypes)('leaves a body of the media type "%s" to the handler', async (contentType) => {
  const unread = request(contentType);
  expect(problemOf(await readJsonBody(unread))).toEqual([415, 'unsupported_media_type']);
  expect(unread.arrayBuffer).not.toHaveBeenCalled();
});

it.each([null, 'text/plain', 'application/json'])(
  'knows that no body of the media type "%s" was sent',
  async (type) => {
    expect(await readJsonBody(request(type, '', { 'content-length': '0' }))).toEqual({ kind: 'none' });
    const { arrayBuffer } = request(type, '');
    expect(
      await readJsonBody({ headers: new Headers(type === null ? {} : { 'content-type': type }), arrayBuffer }),
    ).toEqual({ kind: 'none' });
  },
);

it('reads 64 KiB, and no byte more', async () => {
  const most = JSON.stringify('x'.repeat(65_534));
  expect(await readJsonBody(request('application/json', most))).toMatchObject({ kind: 'json' });
  await expect(readJsonBody(request('application/json', `${most} `))).rejects.toMatchObject({
    code: 'body_too_large',
    message: 'The body has 65537 bytes; 65536 are allowed.',
  });
});

const isEmpty = 'is empty; Azure Functions drops a body that is sent without Content-Length, or with GET';

it.each<[string, string | Buffer, Record<string, string>, string]>([
  [
    'what the host has dropped, since it was chunked',
    '',
    { 'transfer-encoding': 'chunked', 'content-length': '' },
    isEmpty,
  ],
  ['what the library has dropped, since it came with GET', '', { 'content-length': '14' }, isEmpty],
  ['what is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), {}, 'is not UTF-8'],
  ['what is cut short', '{"accessToken":"SENTINEL', {}, 'is not JSON'],
])('says of %s what is wrong with it, and quotes nothing', async (_, content, headers, detail) => {
  const body = await readJsonBody(request('application/json', content, headers));
  expect(problemOf(body)).toEqual([400, 'invalid_body', { pointer: '#', detail }]);
});

it.each(['gzip', 'GZIP', 'br', 'identity, gzip', 'deflate,identity'])(
  'does not read a body of the Content-Encoding "%s", plain or not, and says which would be read',
  async (coding) => {
    const body = await readJsonBody(request('application/json', order, { 'content-encoding': coding }));
    expect(problemOf(body)).toEqual([415, 'unsupported_media_type', { 'accept-encoding': 'identity' }]);
  },
);

it.each(['identity', 'Identity', '', 'identity, identity'])(
  'reads a body of the Content-Encoding "%s"',
  async (coding) => {
    const body = await readJsonBody(request('application/json', order, { 'content-encoding': coding }));
    expect(body).toMatchObject({ kind: 'json' });
  },
);

it('does not mind a Content-Encoding where there is no body', async () => {
  const headers = { 'content-encoding': 'gzip', 'content-length': '' };
  expect(await readJsonBody(request('application/json', '', headers))).toEqual({ kind: 'none' });
});

it('gives a handler that wants JSON the value, also null, or an error that says that there is none', () => {
  for (const value of [{ item: 'Tea' }, null, false])
    expect(requireJson({ kind: 'json', value, text: '' })).toBe(value);
  const errors = [{ pointer: '#', detail: isEmpty }];
  expect(thrownBy(() => requireJson({ kind: 'none' }))).toMatchObject({ code: 'invalid_body', options: { errors } });
});

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  return undefined;
}
