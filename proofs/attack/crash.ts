/** Functions that fail with all that they know in their errors: what the answers tell, and the process until its end. */
import { setTimeout as delay } from 'node:timers/promises';
import { build } from '../../local/build';
import { startInstance } from '../../test/harness/instance';
import { describe } from './answers';
import { findCanaries } from './canaries';
import { createSender } from './sender';
import type { Stand } from './stand';

interface Way {
  readonly name: string;
  /** `known`: the token, the identity and, where the app writes no message, the secret; `text`: the same as a string. */
  readonly statement: string;
}

const ENDS_WITHIN_MS = 10_000;

const multiline = String.raw`new RangeError(text + "\n    at " + text)`;

const caught: readonly Way[] = [
  { name: 'a handler throws', statement: 'throw new Error(text);' },
  { name: 'a handler throws in several lines', statement: `throw ${multiline};` },
  { name: 'a handler throws what is no Error', statement: 'throw known;' },
  {
    name: 'a handler rejects',
    statement: 'await Promise.reject(Object.assign(new Error(text, { cause: known }), known));',
  },
];
const fatal: readonly Way[] = [
  { name: 'a timer throws', statement: `setTimeout(() => { throw ${multiline}; });` },
  { name: 'a timer throws what is no Error', statement: 'setTimeout(() => { throw text; });' },
  { name: 'nobody handles an object', statement: 'void Promise.reject(known);' },
  { name: 'nobody handles a string', statement: 'void Promise.reject(text);' },
  {
    name: 'nobody handles an Error',
    statement: 'void Promise.reject(Object.assign(new Error(text, { cause: known }), known));',
  },
];
const ways = [...caught, ...fatal];

const source = `
import { app } from '@azure/functions';
import { secured } from '../shared/services';
app.http('crash', {
  route: 'crash/{way}',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: (request, context) => {
    const token = request.headers.get('authorization');
    return secured(async ({ principal }) => {
      const way = Number(request.params.way);
      const known = { token, principal, secret: way < ${caught.length} ? undefined : process.env.TOKEN_CACHE_SECRET };
      const text = JSON.stringify(known);
      switch (way) {
        ${ways.map(({ statement }, n) => `case ${n}: { ${statement} break; }`).join('\n')}
      }
      return {};
    })(request, context);
  },
});`;

/** Builds the app with such a function added into `folder`. */
export async function buildCrashingApp(folder: string): Promise<void> {
  await build(folder, source);
}

/** What does not hold. */
export async function runCrashes(stand: Stand, appDirectory: string): Promise<string[]> {
  const processes = [
    runProcess(stand, appDirectory, caught, 0),
    ...fatal.map((way) => runProcess(stand, appDirectory, [way], 1)),
  ];
  return (await Promise.all(processes)).flat();
}

/** Asks for all these in a process of their own, which must end with this code. */
async function runProcess(
  stand: Stand,
  appDirectory: string,
  asked: readonly Way[],
  exitCode: 0 | 1,
): Promise<string[]> {
  const complaints: string[] = [];
  const instance = await startInstance(appDirectory, stand.settings);
  const sender = createSender(Number(new URL(instance.url).port));
  const bodies: string[] = [];
  for (const way of asked) {
    const target = `/api/crash/${ways.indexOf(way)}`;
    const bearer = `Authorization: Bearer ${stand.mint()}`;
    const answer = await sender.ask(`GET ${target} HTTP/1.1\r\nHost: attacked\r\n${bearer}\r\n\r\n`, 'GET');
    // Of what crashes the process, the answer may come or not.
    const isWrong = exitCode === 0 && describe(answer) !== '500 internal_error';
    if (isWrong) complaints.push(`${way.name}: was answered ${describe(answer)}`);
    bodies.push(answer?.body ?? '');
  }
  sender.close();
  if (exitCode === 1) await Promise.race([instance.ended, delay(ENDS_WITHIN_MS, undefined, { ref: false })]);
  await instance.stop();

  const names = asked.map(({ name }) => name).join(', ');
  const written = [...instance.lines, ...instance.errors].join('\n');
  const says = exitCode === 0 ? '"code":"internal_error"' : 'Uncaught ';
  if (instance.exitCode() !== exitCode) complaints.push(`${names}: the process ended with ${instance.exitCode()}`);
  if (!written.includes(says)) complaints.push(`${names}: the process does not say ${says}`);
  for (const canary of findCanaries(written, stand)) complaints.push(`${names}: the process tells ${canary}`);
  for (const canary of findCanaries(bodies.join(), stand)) complaints.push(`${names}: an answer tells ${canary}`);
  return complaints;
}
