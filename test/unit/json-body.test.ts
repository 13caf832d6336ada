import { AppError, InvalidBodyError } from '../../shared/errors';
import { type JsonBody, readJsonBody, requireJson } from '../../shared/http/json-body';

const order = '{"item":"Tea"}';

/** A request that counts how often its body is read. */
function request(contentType: string | null, body: string | Uint8Array = order) {
  const { buffer, byteOffset, byteLength } = Buffer.from(body);
  const arrayBuffer = jest.fn(async () => buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer);
  return { headers: new Headers(contentType === null ? {} : { 'content-type': contentType }), arrayBuffer };
}

it.each([
  'application/json',
  'Application/JSON',
  'application/json; charset=utf-8',
  'application/json ;x',
  'application/vnd.card+json',
  'application/vnd.card+json;v=1',
])('reads a body of the media type "%s"', async (contentType) => {
  expect(await readJsonBody(request(contentType))).toEqual({ kind: 'json', value: { item: 'Tea' } });
});

it.each([
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
])('leaves a body of the media type "%s" to the handler', async (contentType) => {
  const unread = request(contentType);
  expect(await readJsonBody(unread)).toEqual({ kind: 'other-media-type' });
  expect(unread.arrayBuffer).not.toHaveBeenCalled();
});

it('reads 64 KiB, and no byte more', async () => {
  const most = JSON.stringify('x'.repeat(65_534));
  expect(await readJsonBody(request('application/json', most))).toMatchObject({ kind: 'json' });
  await expect(readJsonBody(request('application/json', `${most} `))).rejects.toMatchObject({
    code: 'body_too_large',
    message: 'The body has 65537 bytes; 65536 are allowed.',
  });
});

it.each([
  ['nothing', '', 'is empty; Azure Functions drops a body that is sent without Content-Length'],
  ['what is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'is not UTF-8'],
  ['what is cut short', '{"accessToken":"SENTINEL', 'is not JSON'],
])('says of %s what is wrong with it, and quotes nothing', async (_, content, detail) => {
  const body = await readJsonBody(request('application/json', content));
  expect(body).toEqual({ kind: 'malformed', detail });
  expect(thrownBy(() => requireJson(body))).toMatchObject({ errors: [{ pointer: '#', detail }] });
  expect(thrownBy(() => requireJson(body))).toBeInstanceOf(InvalidBodyError);
});

it('gives a handler that wants JSON the value, also null, or an error that says that there is none', () => {
  for (const value of [{ item: 'Tea' }, null, false]) expect(requireJson({ kind: 'json', value })).toBe(value);
  const other: JsonBody = { kind: 'other-media-type' };
  expect(thrownBy(() => requireJson(other))).toMatchObject({ code: 'unsupported_media_type' });
});

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  return undefined;
}
