/** Starting, reloading and closing the embedded host. */
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { closeAtEnd } from '../../../test/harness/close-at-end';
import { createHost, HostError } from '../src/create-host';
import { createApp, createGate, type Gate, start, stopAll, type TestApp } from './host-support';

const imports = `import { app } from '@azure/functions';`;
const hello = `${imports} app.http('hello', { methods: ['GET'], handler: () => ({ body: 'hello' }) });`;
/** Waits at the gate before it answers. */
const slow = (answer: string) => `${imports}
  const wait = () => fetch(process.env.GATE, { headers: { connection: 'close' } });
  app.http('slow', { methods: ['GET'], handler: async () => { await wait(); return { body: '${answer}' }; } });
  app.http('version', { handler: () => ({ body: '${answer}' }) });`;

let gate: Gate;
beforeEach(async () => {
  gate = await createGate();
});
afterEach(async () => {
  gate.open();
  await stopAll();
  await gate.close();
});

describe('reload', () => {
  it('lets a request in flight finish on the old app, and gives the next one to the new app', async () => {
    const { host, app, get } = await start(slow('old'), { env: { GATE: gate.url } });
    const inFlight = get('/api/slow');
    await gate.arrived(1);
    await app.rewrite(slow('new'));
    await host.reload();
    expect(await (await get('/api/version')).text()).toBe('new');
    gate.open();
    expect(await (await inFlight).text()).toBe('old');
  });

  it('runs the old app’s appTerminate hooks after its last request', async () => {
    const terminated = closeAtEnd(await createGate());
    terminated.open();
    const env = { GATE: gate.url, TERMINATED: terminated.url };
    const { host, get } = await start(
      `${slow('old')} app.hook.appTerminate(() => fetch(process.env.TERMINATED, { headers: { connection: 'close' } }));`,
      { env },
    );
    const inFlight = get('/api/slow');
    await gate.arrived(1);
    await host.reload();
    await get('/api/version');
    expect(terminated.count).toBe(0);
    gate.open();
    await inFlight;
    await terminated.arrived(1);
    await host.close();
    expect(terminated.count).toBe(2);
  });

  it('reads host.json again and lists the new functions', async () => {
    const { host, app, get } = await start(hello);
    await app.rewrite(hello.replace("'hello'", "'greet'"));
    const hostJson = { version: '2.0', extensions: { http: { routePrefix: 'v2' } } };
    await writeFile(path.join(app.directory, 'host.json'), JSON.stringify(hostJson));
    await host.reload();
    expect(host.functions.map(({ url }) => url)).toEqual([`${host.url}/v2/greet`]);
    expect((await get('/v2/greet')).status).toBe(200);
  });

  it('keeps the old app when the new one cannot be loaded', async () => {
    const { host, app, get } = await start(hello);
    await app.rewrite(`throw new Error('Set IDENTITY_BASE_URL.');`);
    const place = /^Set IDENTITY_BASE_URL\.\n {4}at .+:\d+:\d+\)?$/;
    await expect(host.reload()).rejects.toMatchObject({ name: 'HostError', message: expect.stringMatching(place) });
    await app.rewrite(`class OwnError extends Error { name = 'OwnError' }; throw new OwnError('Explains itself.');`);
    await expect(host.reload()).rejects.toMatchObject({ name: 'HostError', message: 'Explains itself.' });
    expect(await (await get('/api/hello')).text()).toBe('hello');
    await app.rewrite(hello.replace("body: 'hello'", "body: 'repaired'"));
    await host.reload();
    expect(await (await get('/api/hello')).text()).toBe('repaired');
  });

  it('is refused after closing', async () => {
    const { host } = await start(hello);
    await host.close();
    await expect(host.reload()).rejects.toThrow('The host is closed.');
  });
});

describe('close', () => {
  it('answers what is in flight and accepts nothing new', async () => {
    const { host, get } = await start(slow('answered'), { env: { GATE: gate.url } });
    // A connection that would be kept alive, but for the closing.
    const inFlight = fetch(`${host.url}/api/slow`);
    await gate.arrived(1);
    const closed = host.close();
    await expect(get('/api/version')).rejects.toThrow();
    gate.open();
    const response = await inFlight;
    expect(await response.text()).toBe('answered');
    expect(response.headers.get('connection')).toBe('close');
    await closed;
  });

  it('waits for a timer that runs, and starts no other', async () => {
    const { host, get, lines } = await start(
      `${imports}
      app.timer('tick', { schedule: '0 0 0 1 1 *', handler: async (_, context) => {
        await fetch(process.env.GATE, { headers: { connection: 'close' } });
        context.log('timer done');
      } });`,
      { env: { GATE: gate.url } },
    );
    await get('/admin/functions/tick', { method: 'POST', body: '{"input":""}' });
    await gate.arrived(1);
    const closed = host.close();
    expect(lines).not.toContain('timer done');
    gate.open();
    await closed;
    expect(lines).toContain('timer done');
  });

  it('ends connections that are idle or have sent nothing', async () => {
    const { host } = await start(hello);
    const silent = closeAtEnd(net.connect(host.port, '127.0.0.1'));
    await once(silent, 'connect');
    const idle = closeAtEnd(net.connect(host.port, '127.0.0.1'));
    idle.write('GET /api/hello HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await once(idle, 'data');
    const ended = [silent, idle].map((socket) => once(socket.resume(), 'close'));
    await host.close();
    await Promise.all(ended);
  });

  it('goes on, and later closes, after a client went away without its answer', async () => {
    const { host, get, logged } = await start(slow('answered'), { env: { GATE: gate.url } });
    const client = closeAtEnd(net.connect(host.port, '127.0.0.1'));
    client.write('GET /api/slow HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await gate.arrived(1);
    client.destroy();
    const uploading = closeAtEnd(net.connect(host.port, '127.0.0.1'));
    uploading.write('POST /api/version HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nhalf');
    uploading.end();
    await once(uploading.resume(), 'close');
    gate.open();
    await logged('Succeeded');
    expect(await (await get('/api/version')).text()).toBe('answered');
    await host.close();
  });

  it('can be called again', async () => {
    const { host } = await start(hello);
    const [first, second] = [host.close(), host.close()];
    expect(first).toBe(second);
    await first;
  });
});

describe('a start-up error names', () => {
  const options = { env: {}, port: 0, log: () => undefined };
  const http = (more: string) => `${imports} app.http('one', { handler: () => ({}), ${more} });`;
  const timer = (schedule: string) => `${imports} app.timer('tick', { schedule: '${schedule}', handler: () => {} });`;

  async function failure(source: string, change: (app: TestApp) => Promise<void> = async () => undefined) {
    const app = await createApp(source);
    try {
      await change(app);
      const host = await createHost({ appDirectory: app.directory, ...options });
      await host.close();
      return undefined;
    } catch (error) {
      expect(error).toBeInstanceOf(HostError);
      return (error as HostError).message;
    } finally {
      await app.remove();
    }
  }

  it.each([
    [
      'a missing package.json',
      (app: TestApp) => rm(path.join(app.directory, 'package.json')),
      /package\.json is missing/,
    ],
    ['a missing main', (app: TestApp) => overwrite(app, 'package.json', '{}'), /package\.json has no "main"/],
    [
      'a custom header that no answer could carry',
      (app: TestApp) =>
        overwrite(app, 'host.json', '{"version":"2.0","extensions":{"http":{"customHeaders":{"X-A":"a\\nb"}}}}'),
      /host\.json has an illegal custom header/,
    ],
    ['an ES module', (app: TestApp) => overwrite(app, 'package.json', '{"main":"a.mjs"}'), /must be a CommonJS module/],
    [
      'a missing bundle',
      (app: TestApp) => rm(path.join(app.directory, 'main.js')),
      /main\.js is missing: run `npm run build` first\./,
    ],
    ['a missing host.json', (app: TestApp) => rm(path.join(app.directory, 'host.json')), /host\.json is missing\./],
    ['a malformed host.json', (app: TestApp) => overwrite(app, 'host.json', '{'), /host\.json is not valid JSON/],
    [
      'an old host.json',
      (app: TestApp) => overwrite(app, 'host.json', '{}'),
      /host\.json must have "version": "2\.0"\./,
    ],
  ])('%s', async (_, change, message) => {
    expect(await failure(hello, change)).toMatch(message);
  });

  it.each([
    ['no function', '', 'The app registered no function.'],
    [
      'a duplicate name',
      `${hello} app.http('hello', { handler: () => ({}) });`,
      'A function with id "hello" has already been registered.',
    ],
    [
      'a name in two letter cases',
      `${hello} app.http('Hello', { handler: () => ({}) });`,
      'another function has the same name.',
    ],
    ['an illegal name', `${imports} app.http('1st', { handler: () => ({}) });`, 'Function "1st": a name is a letter'],
    [
      'another trigger',
      `${imports} app.storageQueue('q', { queueName: 'q', connection: 'c', handler: () => {} });`,
      'Function "q": the local host serves HTTP and timer triggers, not a queueTrigger.',
    ],
    [
      'an input',
      `${imports} import { input } from '@azure/functions'; app.http('one', { handler: () => ({}), extraInputs: [input.generic({ type: 'blob', name: 'in' })] });`,
      'such as "in" (blob).',
    ],
    [
      'an output',
      `${imports} import { output } from '@azure/functions'; app.timer('tick', { schedule: '0 0 * * * *', handler: () => {}, return: output.storageQueue({ queueName: 'q', connection: 'c' }) });`,
      'such as "$return" (queue).',
    ],
    ['an unknown constraint', http(`route: '{id:integer}'`), 'Function "one": unknown route constraint "integer".'],
    ['a constraint without its argument', http(`route: '{id:min}'`), 'unknown route constraint "min".'],
    ['a malformed route', http(`route: 'a/{id'`), 'route "api/a/{id" has an unmatched brace.'],
    ['a reserved route', http(`route: 'admin/x'`), 'route "admin/x" conflicts with the host\'s own'],
    ['a route with a slash before it', http(`route: '/x'`), 'route "/x" cannot begin with'],
    ['a bad schedule', timer('every day'), 'Function "tick": its schedule "every day" is neither'],
    ['a missing schedule setting', timer('%WHEN%'), 'its schedule needs the setting %WHEN%, which has no value.'],
    ['an empty interval', timer('00:00:00'), 'its schedule "00:00:00" is an interval of zero.'],
    ['HTTP streaming', `${imports} app.setup({ enableHttpStream: true }); ${hello}`, 'HTTP streaming'],
    ['an error of the app', `throw new Error('Two problems:\\n- a\\n- b');`, 'Two problems:\n- a\n- b'],
    ['what else the app throws', `throw 'a string';`, 'a string'],
    ['an error of an appStart hook', `${hello} app.hook.appStart(() => { throw new Error('hook'); });`, 'hook'],
  ])('%s', async (_, source, message) => {
    expect(await failure(source)).toContain(message);
  });

  it('the port that is in use', async () => {
    const { host, app } = await start(hello);
    const second = createHost({ appDirectory: app.directory, ...options, port: host.port });
    await expect(second.then(closeAtEnd)).rejects.toThrow(
      `Port ${host.port} is in use: stop what listens there, or choose another port.`,
    );
  });

  it('any origin together with credentials', async () => {
    const cors = { origins: ['*'], credentials: true };
    await expect(start(hello, { cors })).rejects.toThrow(HostError);
  });

  it('the app’s own error as its cause', async () => {
    await expect(start(`throw Object.assign(new Error('own'), { code: 'X' });`)).rejects.toMatchObject({
      name: 'HostError',
      cause: { message: 'own', code: 'X' },
    });
  });

  async function overwrite({ directory }: TestApp, file: string, text: string): Promise<void> {
    await readFile(path.join(directory, file));
    await writeFile(path.join(directory, file), text);
  }
});
