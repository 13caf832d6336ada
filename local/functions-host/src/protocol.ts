/** What the real host's web server refuses before any route is tried: sizes, the Host header, malformed requests. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { codeOf } from './host-error';

/** Kestrel's defaults. */
const requestLineLimitBytes = 8192;
const headersLimitBytes = 32_768;
const headerCountLimit = 100;

/** For Node's own parser, which counts the request line too: the finer limits are then checked here. */
export const parserLimitBytes = requestLineLimitBytes + headersLimitBytes;

/** Kestrel's: a name of these characters, or an IPv6 address; then a port. No user name, with which no request can be made. */
const hostForm = /^(?:[\w!$&'()\-.~]+|\[[\da-f:.]+\])(?::\d+)?$/i;

/** The status with which to refuse the request, if it is to be refused. */
export function refuse(request: IncomingMessage): 400 | 414 | 431 | undefined {
  const { method = '', url = '', rawHeaders, httpVersion } = request;
  // Of a request line without a version Node makes one of HTTP/0.9, whose answer has no end but the connection's.
  if (httpVersion === '0.9') return 400;
  if (`${method} ${url} HTTP/1.1\r\n`.length > requestLineLimitBytes) return 414;

  const headers: [name: string, value: string][] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    headers.push([rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '']);
  }
  const size = headers.reduce((sum, [name, value]) => sum + name.length + value.length + ': \r\n'.length, 0);
  if (size > headersLimitBytes || headers.length > headerCountLimit) return 431;
  if (headers.some(([, value]) => /[^\t\x20-\x7e]/.test(value))) return 400;

  const hosts = headers.filter(([name]) => name.toLowerCase() === 'host').map(([, value]) => value);
  if (hosts.length > 1 || (hosts.length === 0 && httpVersion !== '1.0')) return 400;
  return hosts.every((host) => hostForm.test(host) && URL.canParse(`http://${host}`)) ? undefined : 400;
}

/** Answers a request that Node's parser refused, and closes the connection. */
export function answerClientError(error: Error, socket: Duplex, customHeaders: Readonly<Record<string, string>>): void {
  if (socket.writableEnded) return; // refused already: this is of what came after
  if (codeOf(error) === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = statusOf(error);
  // Only an unknown method would have reached the router.
  const headers = { connection: 'close', 'content-length': '0', ...(status === 404 && customHeaders) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const date = `date: ${new Date().toUTCString()}\r\n`;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${date}${lines.join('')}\r\n`);
}

function statusOf(error: Error): number {
  switch (codeOf(error)) {
    case 'HPE_HEADER_OVERFLOW':
      return 431;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 408;
    case 'HPE_INVALID_METHOD':
      return hasRequestLine(error) ? 404 : 400;
    default:
      return 400;
  }
}

/** Tells an unusual method from something that is not HTTP at all, such as a TLS handshake. */
function hasRequestLine(error: Error & { rawPacket?: Uint8Array; bytesParsed?: number }): boolean {
  const packet = Buffer.from(error.rawPacket ?? []).toString('latin1');
  // Other requests may have come before it.
  const before = packet.lastIndexOf('\r\n\r\n', error.bytesParsed);
  const text = before < 0 ? packet : packet.slice(before + '\r\n\r\n'.length);
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ \/\S* HTTP\/1\.[01]\r\n/.test(text);
}
