/** Sends requests byte for byte, and gets what the host answers. */
import { type Answer, type Connection, openConnection } from './connection';

export interface Exchange {
  readonly answers: readonly Answer[];
  /** The host said nothing more, and waited for the rest of something, until it was left. */
  readonly isUnfinished: boolean;
}

export interface Sender {
  /** For requests that have an end: over one connection, as long as it lasts. */
  ask(bytes: string, method: string): Promise<Answer | undefined>;
  /** For any bytes: over a connection of their own. @param isCut nothing follows, and the client closes its end */
  exchange(bytes: string, options: { isCut: boolean; silenceMs: number }): Promise<Exchange>;
  close(): void;
}

const NO_ANSWER_MS = 10_000;
/** Ends what lacks its end, is some hundred bytes of body to what announces more than it has, and has the host close. */
const LAST = `${'\r\n'.repeat(200)}GET /last HTTP/1.1\r\nHost: attacked\r\nConnection: close\r\n\r\n`;

export function createSender(port: number): Sender {
  let connection: Connection | undefined;

  return {
    async ask(bytes, method) {
      if (!connection?.isOpen) connection = openConnection(port);
      connection.write(bytes);
      const answer = await connection.read(NO_ANSWER_MS, method);
      if (answer?.headers.get('connection') !== 'keep-alive') connection.close();
      return answer;
    },
    async exchange(bytes, { isCut, silenceMs }) {
      const own = openConnection(port);
      own.write(isCut ? bytes : bytes + LAST);
      if (isCut) own.end();
      const answers: Answer[] = [];
      for (let answer = await own.read(silenceMs); answer !== undefined; answer = await own.read(silenceMs)) {
        answers.push(answer);
      }
      const isUnfinished = own.isOpen;
      own.close();
      const { status, headers } = answers.at(-1) ?? {};
      if (status === 404 && headers?.get('connection') === 'close') answers.pop(); // to LAST
      return { answers, isUnfinished };
    },
    close() {
      connection?.close();
    },
  };
}
