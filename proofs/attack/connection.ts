/** A connection to the host on which any bytes can be sent, and on which the answers are read one after the other. */
import { connect } from 'node:net';

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface Connection {
  readonly isOpen: boolean;
  /** @param bytes each character stands for one */
  write(bytes: string): void;
  /**
   * The next answer; undefined when the host has closed the connection, or says nothing for `limitMs`.
   * @param method an answer to HEAD has no body, whatever its header says
   */
  read(limitMs: number, method?: string): Promise<Answer | undefined>;
  /** No more will be written; what the host still says can be read. */
  end(): void;
  close(): void;
}

export function openConnection(port: number): Connection {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let received = '';
  let isOpen = true;
  let wake = () => {};
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    received += text;
    wake();
  });
  // A reset is a way to close, too.
  socket.on('error', () => {});
  socket.on('close', () => {
    isOpen = false;
    wake();
  });

  function take(method: string): Answer | undefined {
    const end = received.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const [statusLine = '', ...lines] = received.slice(0, end).split('\r\n');
    const status = Number(statusLine.split(' ')[1]);
    const headers = new Map(lines.map(toHeader));
    if (headers.has('transfer-encoding')) throw new Error('The embedded host sends no chunked answers.');
    const length = method === 'HEAD' ? 0 : Number(headers.get('content-length') ?? 0);
    const start = end + '\r\n\r\n'.length;
    if (received.length < start + length) return undefined;
    const body = Buffer.from(received.slice(start, start + length), 'latin1').toString();
    received = received.slice(start + length);
    // An interim answer, such as 100 Continue, precedes the one that counts.
    return status < 200 ? take(method) : { status, headers, body };
  }

  return {
    get isOpen() {
      return isOpen;
    },
    write(bytes) {
      if (isOpen) socket.write(bytes, 'latin1');
    },
    read(limitMs, method = 'GET') {
      return new Promise((resolve) => {
        const timer = setTimeout(finish, limitMs);
        function finish(answer?: Answer): void {
          clearTimeout(timer);
          wake = () => {};
          resolve(answer);
        }
        wake = () => {
          const answer = take(method);
          if (answer !== undefined || !isOpen) finish(answer);
        };
        wake();
      });
    },
    end() {
      socket.end();
    },
    close() {
      isOpen = false;
      socket.destroy();
    },
  };
}

function toHeader(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
