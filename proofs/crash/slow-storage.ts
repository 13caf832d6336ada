/** A storage that takes its time, so that whoever is stopped has requests in hand. */
import { createLine, type Line } from '../faults/line';

const DELAY_MS = 60;

export interface SlowStorage extends Pick<Line, 'close'> {
  readonly connectionString: string;
}

/** @param storage the connection string of the storage behind it */
export async function slowDown(storage: string): Promise<SlowStorage> {
  const [, url = '', port] = /TableEndpoint=(http:\/\/127\.0\.0\.1:(\d+))/.exec(storage) ?? [];
  const line = await createLine(Number(port));
  await line.fail(({ relay }) => setTimeout(relay, DELAY_MS));
  return { connectionString: storage.replace(url, line.url), close: line.close };
}
