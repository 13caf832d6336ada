import { randomInt } from 'node:crypto';
import { isListening } from '../../local/ports';

/**
 * A free port that stays free while whoever had it is dead: below those that systems give to outgoing connections and to
 * servers that ask for any (32768 and up).
 */
export async function findLastingPort(): Promise<number> {
  const port = randomInt(20_000, 30_000);
  return (await isListening(port)) ? findLastingPort() : port;
}
