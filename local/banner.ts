/** What is printed when the stack is up: the functions, as `func start` lists them, and a request to try. */
import type { Host } from './functions-host/src/create-host';
import { people } from './identity-service/people';

/** In the host's own order. */
export function functionList(functions: Host['functions']): string {
  const lines = functions.map((f) =>
    f.trigger === 'http' ? `\t${f.name}: [${f.methods.join(',')}] ${f.url}` : `\t${f.name}: timerTrigger`,
  );
  return ['', 'Functions:', '', ...lines.flatMap((line) => [line, ''])].join('\n');
}

/** A command line that works when pasted: mints a token and asks who it is of. */
export function tryIt(hostUrl: string, identityUrl: string, card: string): string {
  const [user] = Object.keys(people);
  const token = `curl -s '${identityUrl}/token?user=${user}&card=${encodeURIComponent(card)}&format=text'`;
  return `curl -s ${hostUrl}/api/whoami -H "accessToken: $(${token})"`;
}
