/** What the recordings do not show of the embedded host: hooks, load, CORS, logs, timers and the app's environment. */
import { createGate, exchange, type Gate, start, stopAll } from './host-support';

const imports = `import { app } from '@azure/functions';`;

let gate: Gate;
beforeEach(async () => {
  gate = await createGate();
});
afterEach(async () => {
  gate.open();
  await stopAll();
  await gate.close();
});

describe('hooks', () => {
  it('run in the order of their registration, before and after the handler', async () => {
    const { get } = await start(`${imports}
      const steps = [];
      app.hook.appStart(() => { steps.push('appStart'); });
      app.hook.preInvocation(async (c) => { await null; c.hookData.seen = 1; steps.push('pre 1'); });
      app.hook.preInvocation((c) => { c.hookData.seen++; steps.push('pre 2'); });
      app.hook.postInvocation((c) => { steps.push('post ' + c.hookData.seen); });
      app.http('run', { handler: () => { steps.push('handler'); return {}; } });
      app.http('steps', { handler: () => ({ jsonBody: steps.slice(0, 5) }) });
    `);
    await get('/api/run');
    expect(await (await get('/api/steps')).json()).toEqual(['appStart', 'pre 1', 'pre 2', 'handler', 'post 2']);
  });

  it('replace the handler, its inputs and its result', async () => {
    const { get } = await start(`${imports}
      app.hook.preInvocation((c) => {
        const original = c.functionHandler;
        c.inputs = ['input'];
        c.functionHandler = async (...args) => ({ ...(await original(...args)), headers: { 'x-replaced': '1' } });
      });
      app.hook.postInvocation((c) => { c.result = { ...c.result, status: 202 }; });
      app.http('run', { handler: (input) => ({ body: 'handled ' + input }) });
    `);
    const response = await get('/api/run');
    expect(response.status).toBe(202);
    expect(response.headers.get('x-replaced')).toBe('1');
    expect(await response.text()).toBe('handled input');
  });

  it('turn an error into a result after the invocation', async () => {
    const { get } = await start(`${imports}
      app.hook.postInvocation((c) => { c.result = { body: 'saved from ' + c.error.message }; c.error = null; });
      app.http('run', { handler: () => { throw new Error('ruin'); } });
    `);
    expect(await (await get('/api/run')).text()).toBe('saved from ruin');
  });

  it('skip the function when one before it throws', async () => {
    const { get, lines } = await start(`${imports}
      app.hook.preInvocation(() => { throw new Error('refused by a hook'); });
      app.http('run', { handler: (_, context) => { context.log('the handler ran'); return {}; } });
    `);
    expect((await get('/api/run')).status).toBe(500);
    expect(lines.join('\n')).toContain('refused by a hook');
    expect(lines.join('\n')).not.toContain('the handler ran');
  });

  it('no longer run once disposed', async () => {
    const { get } = await start(`${imports}
      const hook = app.hook.preInvocation(() => { throw new Error('refused'); });
      hook.dispose();
      app.http('run', { handler: () => ({ body: 'ran' }) });
    `);
    expect((await get('/api/run')).status).toBe(200);
  });

  it('change what is logged', async () => {
    const { get, lines } = await start(`${imports}
      app.hook.log((c) => { c.message = c.message.replace('secret', '***'); });
      app.http('run', { handler: (_, context) => { context.log('a secret'); return {}; } });
    `);
    await get('/api/run');
    expect(lines).toContain('a ***');
  });
});

describe('requests', () => {
  it('are served when 1,024 come concurrently, each with its own payload', async () => {
    const count = 1024;
    const { host } = await start(`${imports}
      let arrived = 0;
      let release;
      const all = new Promise((resolve) => { release = resolve; });
      app.http('echo', { methods: ['POST'], handler: async (request) => {
        if (++arrived === ${count}) release();
        await all;
        return { body: await request.text() };
      } });
    `);
    const payloads = Array.from({ length: count }, (_, index) => `payload ${index}`);
    const responses = await Promise.all(
      payloads.map((payload) =>
        exchange(
          host.port,
          Buffer.from(
            `POST /api/echo HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: ${payload.length}\r\n\r\n${payload}`,
          ),
        ),
      ),
    );
    expect(responses.map(({ status }) => status)).toEqual(Array(count).fill(200));
    expect(responses.map(({ body }) => body.toString())).toEqual(payloads);
  });

  it.each([
    ['query names in two letter cases', 'GET /api/echo?A=1&a=2 HTTP/1.1\r\nhost: h\r\n', '{"query":[["a","1,2"]]}'],
    ['a query flag', 'GET /api/echo?&flag&x=%2F%zz HTTP/1.1\r\nhost: h\r\n', '{"query":[["flag",""],["x","/%zz"]]}'],
    ['an absolute target', 'GET http://h/api/echo?a=1 HTTP/1.1\r\nhost: h\r\n', '{"query":[["a","1"]]}'],
    ['dot segments', 'GET /api/x/../echo?a=1 HTTP/1.1\r\nhost: h\r\n', '{"query":[["a","1"]]}'],
    ['another expectation', 'GET /api/echo?a=1 HTTP/1.1\r\nhost: h\r\nexpect: tea\r\n', '{"query":[["a","1"]]}'],
  ])('reach the function: %s', async (_, head, body) => {
    const { host } = await start(`${imports}
      app.http('echo', { handler: (request) => ({ jsonBody: { query: [...request.query] } }) });
    `);
    const response = await exchange(host.port, Buffer.from(`${head}connection: close\r\n\r\n`));
    expect(response.status).toBe(200);
    expect(response.body.toString()).toBe(body);
  });

  it.each([
    [400, 'no version', 'GET /api/run?HTTP/1.1\r\nhost: a\r\n\r\n'],
    [400, 'two Host headers', 'GET /api/run HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n'],
    [400, 'a Host header that is none', 'GET /api/run HTTP/1.1\r\nhost: a b\r\n\r\n'],
    [400, 'a Host header with a user name', 'GET /api/run HTTP/1.1\r\nhost: user@a\r\n\r\n'],
    [400, 'a Host header with a path', 'GET /api/run HTTP/1.1\r\nhost: a/b\r\n\r\n'],
    [400, 'an encoded null', 'GET /api/%00 HTTP/1.1\r\nhost: a\r\n\r\n'],
    [400, 'a malformed header', 'GET /api/run HTTP/1.1\r\nhost: a\r\nbad header: 1\r\n\r\n'],
    [400, 'something other than HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    [431, 'more than 100 headers', `GET /api/run HTTP/1.1\r\nhost: a\r\n${'x: 1\r\n'.repeat(100)}\r\n`],
    [431, 'headers beyond the parser’s limit', `GET /api/run HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(60_000)}\r\n\r\n`],
  ])('are refused with %i and no custom header for %s', async (status, _, text) => {
    const { host, lines } = await start(`${imports} app.http('run', { handler: () => ({}) });`);
    const response = await exchange(host.port, Buffer.from(text, 'latin1'));
    expect(response.status).toBe(status);
    expect(response.headers).toContainEqual(['connection', 'close']);
    expect(response.headers.map(([name]) => name)).not.toContain('x-content-type-options');
    expect(lines).toEqual([]);
  });

  it.each([
    ['something other than HTTP', '\x16\x03\x01', 400],
    ['more than Content-Length says', '{"a":1}', 400],
    ['an unusual method', 'TEA /api/run HTTP/1.1\r\n\r\n', 404],
  ])('are answered before what follows is refused: %s', async (_, following, status) => {
    const { host } = await start(`${imports}
      app.http('run', { handler: async () => { await new Promise(setImmediate); return { body: 'ran' }; } });
    `);
    const response = await exchange(host.port, Buffer.from(`GET /api/run HTTP/1.1\r\nhost: a\r\n\r\n${following}`));
    expect(response.status).toBe(200);
    expect(response.body.toString()).toMatch(new RegExp(`^ranHTTP/1\\.1 ${status} `));
  });

  it.each(['a', 'a.b:80', 'localhost:7071', '127.0.0.1', '[::1]:80'])(
    'reach the function at the host %s',
    async (name) => {
      const { host } = await start(`${imports} app.http('run', { handler: () => ({ body: 'ran' }) });`);
      const head = `GET /api/run HTTP/1.1\r\nhost: ${name}\r\nconnection: close\r\n\r\n`;
      expect((await exchange(host.port, Buffer.from(head))).body.toString()).toBe('ran');
    },
  );

  it('with a body over 100 MiB are refused with 500 before the function runs', async () => {
    const { host, lines } = await start(`${imports} app.http('run', { handler: () => ({}) });`);
    const head = 'POST /api/run HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 104857601\r\n\r\n';
    expect((await exchange(host.port, Buffer.from(head))).status).toBe(500);
    expect(lines).toEqual([]);
  });

  it('follow routePrefix and customHeaders as overridden by the environment', async () => {
    const { get } = await start(`${imports} app.http('run', { handler: () => ({ body: 'ran' }) });`, {
      env: {
        AzureFunctionsJobHost__extensions__http__routePrefix: '',
        'AzureFunctionsJobHost__extensions__http__customHeaders__X-Extra': '1',
      },
    });
    const response = await get('/run');
    expect(await response.text()).toBe('ran');
    expect(response.headers.get('x-extra')).toBe('1');
  });

  it.each([
    ['a header of Latin-1', `headers: { 'x-a': 'é' }`],
    ['a cookie with a line break', `cookies: [{ name: 'a', value: '1', path: '/\\r\\nx-evil: 1' }]`],
  ])('get an empty 500 when the function answers with %s', async (_, part) => {
    const { get } = await start(`${imports} app.http('run', { handler: () => ({ body: 'x', ${part} }) });`);
    const response = await get('/api/run');
    expect(response.status).toBe(500);
    expect(response.headers.get('x-evil')).toBeNull();
    expect(await response.text()).toBe('');
  });

  it('of method HEAD get the headers without the body', async () => {
    const { get } = await start(`${imports}
      app.http('run', { methods: ['GET', 'HEAD'], handler: () => ({ body: 'ran', headers: { 'x-a': '1' } }) });
    `);
    const response = await get('/api/run', { method: 'HEAD' });
    expect(response.headers.get('x-a')).toBe('1');
    expect(await response.text()).toBe('');
  });
});

describe('CORS', () => {
  const source = `${imports}
    app.http('run', { handler: () => ({ body: 'ran', headers: { vary: 'Accept' } }) });
    app.http('fail', { handler: () => { throw new Error('failed'); } });`;
  const one = { origins: ['http://localhost:5173'], credentials: false };
  const preflight = (origin: string) => ({
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-a,accesstoken' },
  });

  it('grants a preflight of an allowed origin what it asks for, on any path', async () => {
    const { get } = await start(source, { cors: one });
    const response = await get('/api/anything', preflight('http://localhost:5173'));
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe('http://localhost:5173');
    expect(response.headers.get('access-control-allow-methods')).toBe('PUT');
    expect(response.headers.get('access-control-allow-headers')).toBe('x-a,accesstoken');
    expect(response.headers.get('vary')).toBeNull();
  });

  it('answers a preflight of another origin without CORS headers', async () => {
    const { get } = await start(source, { cors: one });
    const response = await get('/api/run', preflight('http://elsewhere'));
    expect(response.status).toBe(204);
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it.each([
    ['/api/run', 200],
    ['/api/fail', 500],
    ['/api/unknown', 404],
  ])('names the allowed origin on %s, which answers %i', async (pathname, status) => {
    const { get } = await start(source, { cors: one });
    const response = await get(pathname, { headers: { origin: 'http://localhost:5173' } });
    expect(response.status).toBe(status);
    expect(response.headers.get('access-control-allow-origin')).toBe('http://localhost:5173');
  });

  it('leaves requests of another origin, and of none, without CORS headers', async () => {
    const { get } = await start(source, { cors: one });
    const responses = [await get('/api/run', { headers: { origin: 'http://elsewhere' } }), await get('/api/run')];
    expect(responses.map(({ headers }) => headers.get('access-control-allow-origin'))).toEqual([null, null]);
  });

  it('varies by origin when there are several, and allows credentials when told to', async () => {
    const { get } = await start(source, { cors: { origins: ['http://a', 'http://b'], credentials: true } });
    const { headers } = await get('/api/run', { headers: { origin: 'http://b' } });
    expect(headers.get('vary')).toBe('Accept, Origin');
    expect(headers.get('access-control-allow-origin')).toBe('http://b');
    expect(headers.get('access-control-allow-credentials')).toBe('true');
  });

  it('answers OPTIONS like any other method when no origin is configured', async () => {
    const { get } = await start(source);
    expect((await get('/api/run', preflight('http://a'))).status).toBe(404);
  });
});

describe('the log', () => {
  it('holds the app’s lines and one pair of lines per invocation, and nothing of the request', async () => {
    const { get, lines } = await start(`${imports}
      app.http('run', { handler: (_, context) => {
        context.debug('hidden'); context.log('two', 'words'); context.warn('careful'); context.error('first\\nsecond');
        return {};
      } });
    `);
    await get('/api/run?password=1', { headers: { 'x-key': 'abc' } });
    const id = '[0-9a-f-]{36}';
    expect(lines).toEqual([
      expect.stringMatching(
        `^Executing 'Functions.run' \\(Reason='This function was programmatically called via the host APIs.', Id=${id}\\)$`,
      ),
      'two words',
      'warning: careful',
      'error: first',
      'second',
      expect.stringMatching(`^Executed 'Functions.run' \\(Succeeded, Id=${id}, Duration=\\d+ms\\)$`),
    ]);
  });

  it('shows finer levels when host.json asks for them', async () => {
    const hostJson = { version: '2.0', logging: { logLevel: { default: 'Debug' } } };
    const source = `${imports} app.http('run', { handler: (_, c) => { c.trace('t'); c.debug('d'); return {}; } });`;
    const { get, lines } = await start(source, {}, hostJson);
    await get('/api/run');
    expect(lines).toContain('debug: d');
    expect(lines).not.toContain('trace: t');
  });

  it('holds the stack of what a function threw, with the lines of its source', async () => {
    const { get, lines } = await start(`${imports}
      interface Erased { readonly a: string }
      app.http('run', { handler: () => {
        throw new TypeError('wrong');
      } });
    `);
    expect(await (await get('/api/run')).text()).toBe('');
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.stringContaining("Executed 'Functions.run' (Failed, "),
        'TypeError: wrong',
        expect.stringMatching(/app\.ts:4:\d+/),
      ]),
    );
  });
});

describe('timers', () => {
  const source = `${imports}
    let running = 0;
    app.timer('tick', { schedule: '%WHEN%', handler: async (timer, context) => {
      context.log('tick', JSON.stringify(timer), ++running);
      if (process.env.GATE) await fetch(process.env.GATE, { headers: { connection: 'close' } });
      running--;
      context.log('tock');
    } });
    app.http('hello', { methods: ['GET'], handler: () => ({ body: 'hello' }) });`;
  const yearly = { WHEN: '0 0 0 1 1 *' };
  const fire = { method: 'POST', body: '{"input":""}' };

  it('run by hand, in the background, with the argument of the real host', async () => {
    const { get, logged, lines } = await start(source, { env: { ...yearly, GATE: gate.url } });
    expect((await get('/admin/functions/TICK', fire)).status).toBe(202);
    await gate.arrived(1);
    gate.open();
    await logged("Executed 'Functions.tick' (Succeeded");
    const argument = JSON.parse(lines.find((line) => line.startsWith('tick'))?.slice(5, -2) ?? '');
    expect(argument).toEqual({
      schedule: { adjustForDST: true },
      scheduleStatus: { last: expect.any(String), next: expect.any(String), lastUpdated: expect.any(String) },
      isPastDue: false,
    });
  });

  it('do not overlap', async () => {
    const { get, logged, lines } = await start(source, { env: { ...yearly, GATE: gate.url } });
    await get('/admin/functions/tick', fire);
    await gate.arrived(1);
    await get('/admin/functions/tick', fire);
    expect((await get('/api/hello')).status).toBe(200);
    expect(gate.count).toBe(1);
    gate.open();
    await gate.arrived(2);
    await logged('tock');
    expect(lines.filter((line) => line.endsWith('} 2'))).toEqual([]);
  });

  it('run on start-up when told to', async () => {
    const runsOnStartup = source.replace("'%WHEN%'", "'%WHEN%', runOnStartup: true");
    const { logged } = await start(runsOnStartup, { env: yearly });
    expect(await logged("Executing 'Functions.tick'")).toContain("(Reason='Timer fired at 2");
    await logged('tock');
  });

  it.each([
    ['unknown', '{"input":""}', 404],
    ['hello', '{"input":""}', 400],
    ['tick', 'not JSON', 400],
    ['tick', '[]', 400],
  ])('do not run by hand: %s with the body %s gets %i', async (name, body, status) => {
    const { get, lines } = await start(source, { env: yearly });
    expect((await get(`/admin/functions/${name}`, { method: 'POST', body })).status).toBe(status);
    expect(lines).toEqual([]);
  });
});

describe('the admin pages', () => {
  it('list the functions with their bindings', async () => {
    const { get, host } = await start(`${imports}
      app.timer('a', { schedule: '00:10:00', handler: () => {} });
      app.http('z', { route: 'z/{id:int}', handler: () => ({}) });
      app.http('b', { methods: ['PUT'], handler: () => ({}) });`);
    const list = await (await get('/admin/functions')).json();
    expect(list).toMatchObject([
      { name: 'a', config: { bindings: [{ type: 'timerTrigger', schedule: '00:10:00' }] } },
      { name: 'b', invoke_url_template: `${host.url}/api/b` },
      { name: 'z', invoke_url_template: `${host.url}/api/z/{id:int}` },
    ]);
    expect(host.functions).toEqual([
      { name: 'b', trigger: 'http', methods: ['PUT'], url: `${host.url}/api/b` },
      { name: 'z', trigger: 'http', methods: ['GET', 'POST'], url: `${host.url}/api/z/{id:int}` },
      { name: 'a', trigger: 'timer', methods: [], schedule: '00:10:00' },
    ]);
  });

  it('show no home page when it is disabled', async () => {
    const { get } = await start(`${imports} app.http('a', { handler: () => ({}) });`, {
      env: { AzureWebJobsDisableHomepage: 'true' },
    });
    expect((await get('/')).status).toBe(204);
  });
});

describe('the environment of the app', () => {
  it('is the given one and nothing else, and stays apart from the host’s', async () => {
    process.env['HOST_ONLY'] = 'of the host';
    try {
      const { get } = await start(
        `${imports}
        import nodeProcess from 'node:process';
        process.env.ADDED = 'by the app';
        app.http('env', { handler: () => ({ jsonBody: [process.env, nodeProcess.env, typeof process.version] }) });`,
        { env: { GIVEN: '1' } },
      );
      const env = { GIVEN: '1', ADDED: 'by the app' };
      expect(await (await get('/api/env')).json()).toEqual([env, env, 'string']);
      expect(process.env['ADDED']).toBeUndefined();
    } finally {
      delete process.env['HOST_ONLY'];
    }
  });
});
