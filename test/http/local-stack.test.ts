/** The local commands as a developer runs them: real processes, in a copy of the repository, on ports of their own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { type Azurite, startAzurite } from '../../local/azurite';
import { repositoryRoot } from '../../local/paths';
import { azuritePorts, isListening } from '../../local/ports';
import { closeAtEnd } from '../harness/close-at-end';
import { findFreePort } from '../harness/free-port';

/** How long to wait for something that does not come. A busy machine takes its time, so no test may count on this. */
const PATIENCE_MS = 60_000;
jest.setTimeout(3 * PATIENCE_MS);

const root = mkdtempSync(path.join(tmpdir(), 'local-stack-'));
const commands: LocalCommand[] = [];
let azurite: Azurite;
/** Settings of a stack that shares no port with any other. */
let settings: { PORT: string; IDENTITY_SERVICE_PORT: string; IDENTITY_BASE_URL: string; AzureWebJobsStorage: string };

beforeAll(async () => {
  for (const name of [
    'functions',
    'shared',
    'local',
    'host.json',
    'package.json',
    'tsconfig.json',
    'local.settings.sample.json',
  ]) {
    cpSync(path.join(repositoryRoot, name), path.join(root, name), { recursive: true });
  }
  symlinkSync(path.join(repositoryRoot, 'node_modules'), path.join(root, 'node_modules'), 'junction');
  azurite = closeAtEnd(await startAzurite({ port: await findFreePort() }));
  // As after npm install.
  expect(await run('prepare', {}).exitCode).toBe(0);
});
beforeEach(async () => {
  const [port, identityPort] = [await findFreePort(), await findFreePort()];
  settings = {
    PORT: String(port),
    IDENTITY_SERVICE_PORT: String(identityPort),
    IDENTITY_BASE_URL: `http://127.0.0.1:${identityPort}`,
    AzureWebJobsStorage: azurite.connectionString,
  };
});
afterEach(async () => {
  for (const command of commands.splice(0)) await command.kill();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('prepare makes the settings with a random secret, once, and builds', async () => {
  const file = path.join(root, 'local.settings.json');
  const text = readFileSync(file, 'utf8');
  expect(JSON.parse(text).Values.TOKEN_CACHE_SECRET).toMatch(/^[\w-]{43}$/);
  if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(path.join(root, 'dist/app.js'), 'utf8')).toContain('@azure/functions-core');

  expect(await run('prepare', {}).exitCode).toBe(0);
  expect(readFileSync(file, 'utf8')).toBe(text);
});

describe('npm start', () => {
  test('prints a curl line that works, reloads what is saved, and stops with all it started on Ctrl-C', async () => {
    const start = run('start', settings);
    const curl = await start.line(/^ {2}(curl .*)/);
    await start.line(/^Watching/);
    expect(start.output).toContain(`\twhoami: [GET] http://127.0.0.1:${settings.PORT}/api/whoami\n`);
    expect(start.output).toContain('\tpurge: timerTrigger\n');
    const answer = execFileSync('sh', ['-c', curl], { encoding: 'utf8' });
    expect(JSON.parse(answer)).toMatchObject({ name: 'Asha', validation: { source: 'identity-service' } });

    const probe = path.join(root, 'functions/probe.ts');
    const answerOfProbe = async () => (await fetch(`http://127.0.0.1:${settings.PORT}/api/probe`)).text();
    writeFileSync(probe, probeFunction('first'));
    await start.line(/^Reloaded/);
    expect(await answerOfProbe()).toBe('first');

    // Twice: a recursive watch loses what follows the first renaming.
    for (const body of ['second', 'third']) {
      writeFileSync(`${probe}.tmp`, probeFunction(body));
      renameSync(`${probe}.tmp`, probe);
      await start.line(/^Reloaded/);
      expect(await answerOfProbe()).toBe(body);
    }

    writeFileSync(probe, 'const = 1;\n');
    await start.line(/functions\/probe\.ts:1:6: ERROR: /);
    await start.line(/^Not reloaded/);
    expect(await answerOfProbe()).toBe('third');
    writeFileSync(probe, "throw new Error('does not load');\n");
    await start.line(/does not load/);
    await start.line(/^Not reloaded/);
    expect(await answerOfProbe()).toBe('third');

    rmSync(probe);
    await start.line(/^Reloaded/);
    expect(await answerOfProbe()).toBe('');

    const folder = path.join(root, 'functions/probe');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'text.ts'), "export const text = 'fourth';\n");
    writeFileSync(
      path.join(folder, 'index.ts'),
      probeFunction('unused').replace("'unused'", 'text').replace(/^/, "import { text } from './text';\n"),
    );
    await start.until(async () => (await answerOfProbe()) === 'fourth');
    writeFileSync(path.join(folder, 'text.ts'), "export const text = 'fifth';\n");
    await start.until(async () => (await answerOfProbe()) === 'fifth');
    renameSync(folder, path.join(root, 'moved-away'));
    await start.until(async () => (await answerOfProbe()) === '');
    renameSync(path.join(root, 'moved-away'), folder);
    await start.until(async () => (await answerOfProbe()) === 'fifth');
    rmSync(folder, { recursive: true });
    await start.until(async () => (await answerOfProbe()) === '');

    const started = start.descendants();
    // As the terminal does: to the whole process group. And again, as npm does.
    start.signal('SIGINT', { group: true });
    start.signal('SIGINT');
    expect(await start.exitCode).toBe(0);
    expect(started.length).toBeGreaterThan(1);
    await start.until(() => alive(started).length === 0);
    expect(await portsThatAnswer()).toEqual([]);
  });

  test('starts Azurite, or uses the one that answers; nothing outlives a start that is killed', async () => {
    const runsAlready = await isListening(azuritePorts.table);
    const start = run('start', { ...settings, AzureWebJobsStorage: 'UseDevelopmentStorage=true' });
    await start.line(/^Watching/);
    expect(start.output).toContain(runsAlready ? 'an Azurite that was running already' : 'Azurite, data in .azurite');
    const started = start.descendants();
    start.signal('SIGKILL');
    await start.exitCode;
    await start.until(() => alive(started).length === 0);
    expect(await portsThatAnswer()).toEqual([]);
  });

  test('stops when npm alone is told to end, whose shell passes that on to nobody', async () => {
    const npm = run('start', settings, ['npm', 'start']);
    await npm.line(/^Watching/);
    const started = npm.descendants();
    npm.signal('SIGTERM');
    await npm.until(() => alive(started).length === 0);
    expect(await portsThatAnswer()).toEqual([]);
  });

  test('stops with one sentence when a service ends', async () => {
    const start = run('start', settings);
    await start.line(/^Watching/);
    const standIn = start.descendants().find(({ command }) => command.includes('identity-service/main.ts'));
    process.kill(standIn?.pid ?? 0, 'SIGKILL');
    expect(await start.exitCode).toBe(1);
    expect(start.errors).toBe('The stand-in identity service ended (SIGKILL).\n');
    expect(await portsThatAnswer()).toEqual([]);
  });

  test.each(['PORT', 'IDENTITY_SERVICE_PORT'] as const)(
    'says which port is in use, and that %s chooses another',
    async (name) => {
      const other = closeAtEnd(createServer()).listen(Number(settings[name]), '127.0.0.1');
      await once(other, 'listening');
      const start = run('start', settings);
      const exitCode = await start.exitCode;
      other.close();
      expect(exitCode).toBe(1);
      expect(start.errors).toMatch(new RegExp(`^Port ${settings[name]}, .* is in use: .*\\b${name}=<port>.*\\n$`));
      expect(start.output).toBe('');
    },
  );

  test('starts no stand-in when the settings name another identity service', async () => {
    const start = run('start', {
      ...settings,
      IDENTITY_BASE_URL: `https://identity.example:${settings.IDENTITY_SERVICE_PORT}`,
    });
    await start.line(/^Watching/);
    expect(start.output).not.toContain('stand-in');
    start.signal('SIGTERM');
    expect(await start.exitCode).toBe(0);
  });

  test('says which setting is bad, and leaves nothing running', async () => {
    const start = run('start', { ...settings, IDENTITY_TIMEOUT_MS: 'soon' });
    expect(await start.exitCode).toBe(1);
    expect(start.errors).toMatch(/IDENTITY_TIMEOUT_MS/);
    expect(start.errors).not.toMatch(/^\s+at /m);
    expect(await portsThatAnswer()).toEqual([]);
  });

  test('says where local.settings.json is broken, without its content', async () => {
    const file = path.join(root, 'local.settings.json');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, '{\n  "IsEncrypted": false,\n  "Values": { "TOKEN_CACHE_SECRET": hush }\n}\n');
    const start = run('start', settings);
    const exitCode = await start.exitCode;
    writeFileSync(file, text);
    expect([exitCode, start.errors]).toEqual([1, 'local.settings.json is not valid JSON (line 3, column 37).\n']);
  });

  test('says what does not build', async () => {
    const file = path.join(root, 'functions/broken.ts');
    writeFileSync(file, "import './missing';\n");
    const start = run('start', settings);
    const exitCode = await start.exitCode;
    rmSync(file);
    expect(exitCode).toBe(1);
    expect(start.errors).toMatch(/functions\/broken\.ts:\d+:\d+: ERROR: Could not resolve/);
    expect(start.errors).not.toMatch(/^\s+at /m);
    expect(await portsThatAnswer()).toEqual([]);
  });
});

describe('npm run host', () => {
  const hostSettings = () => ({
    PORT: '0',
    IDENTITY_BASE_URL: 'http://127.0.0.1:9',
    ALLOWED_CARD_IDS: 'card-orders',
    TOKEN_CACHE_SECRET: 'a secret of the tests, long enough',
    AzureWebJobsStorage: azurite.connectionString,
  });

  test('runs side by side with another on the same build', async () => {
    const hosts = [run('run-host', hostSettings()), run('run-host', hostSettings())];
    const urls = await Promise.all(hosts.map((host) => host.line(/^Host listens on (.*)/)));
    expect(new Set(urls).size).toBe(2);
    for (const url of urls) expect((await fetch(`${url}/api/health`)).status).toBe(200);
    hosts[0]?.signal('SIGINT');
    hosts[1]?.signal('SIGTERM');
    expect(await Promise.all(hosts.map((host) => host.exitCode))).toEqual([0, 0]);
  });

  test('takes its settings from the environment alone', async () => {
    const host = run('run-host', { PORT: '0' });
    expect(await host.exitCode).toBe(1);
    expect(host.errors).toMatch(/TOKEN_CACHE_SECRET/);
  });

  test.each(['70710', '-1', 'http'])('refuses the port %s', async (port) => {
    const host = run('run-host', { ...hostSettings(), PORT: port });
    expect(await host.exitCode).toBe(1);
    expect(host.errors).toBe(`PORT must be a port number from 0 to 65535, not "${port}".\n`);
  });

  test('says how to get a missing build', async () => {
    renameSync(path.join(root, 'dist'), path.join(root, 'dist-away'));
    const host = run('run-host', hostSettings());
    const exitCode = await host.exitCode;
    renameSync(path.join(root, 'dist-away'), path.join(root, 'dist'));
    expect(exitCode).toBe(1);
    expect(host.errors).toMatch(/^.*npm run build.*\n$/);
  });

  test('ends when the app leaves an error uncaught, and shows where, not what', async () => {
    const bundle = path.join(root, 'dist/app.js');
    const text = readFileSync(bundle, 'utf8');
    writeFileSync(
      bundle,
      `${text}\nfunction leak() { return Promise.reject(new TypeError('hush')); }\nsetTimeout(leak, 1);\n`,
    );
    const host = run('run-host', hostSettings());
    const exitCode = await host.exitCode;
    writeFileSync(bundle, text);
    expect(exitCode).toBe(1);
    expect(host.errors).toMatch(/^Uncaught TypeError at \S*leak \(.*\n$/);
    expect(host.errors).not.toContain('hush');
  });
});

describe('npm run start:func', () => {
  const bin = path.join(root, 'bin');
  const nodeDirectory = path.dirname(process.execPath);

  test('says how to get Core Tools, and starts nothing', async () => {
    const start = run('start-func', { ...settings, PATH: bin });
    expect(await start.exitCode).toBe(1);
    expect(start.errors).toMatch(/^Azure Functions Core Tools .* not installed.*npm start.*\n$/);
    expect(start.output).toBe('');
  });

  test('runs func beside the stand-in, rebuilds what is saved, and stops both', async () => {
    mkdirSync(bin, { recursive: true });
    const func = path.join(bin, 'func');
    writeFileSync(
      func,
      '#!/usr/bin/env node\nconsole.log("func", ...process.argv.slice(2));\nsetInterval(() => {}, 1000);\n',
    );
    chmodSync(func, 0o755);
    const start = run('start-func', {
      ...settings,
      PATH: `${bin}${path.delimiter}${nodeDirectory}${path.delimiter}${process.env['PATH']}`,
    });
    await start.line(new RegExp(`^func start --port ${settings.PORT}$`));
    expect((await fetch(`${settings.IDENTITY_BASE_URL}/stats`)).status).toBe(200);
    const health = path.join(root, 'functions/health.ts');
    writeFileSync(health, readFileSync(health, 'utf8'));
    await start.line(/^Rebuilt in/);
    const started = start.descendants();
    // To this process alone: func has to be told.
    start.signal('SIGINT');
    expect(await start.exitCode).toBe(0);
    await start.until(() => alive(started).length === 0);
  });

  test('ends with one sentence when func ends', async () => {
    mkdirSync(bin, { recursive: true });
    writeFileSync(path.join(bin, 'func'), '#!/bin/sh\nexit 3\n', { mode: 0o755 });
    const start = run('start-func', { ...settings, PATH: `${bin}${path.delimiter}${process.env['PATH']}` });
    expect(await start.exitCode).toBe(1);
    expect(start.errors).toBe('func ended (exit code 3).\n');
    expect(await portsThatAnswer()).toEqual([]);
  });
});

describe('npm run demo', () => {
  test('starts the stack where none runs, shows each step, and stops it again', async () => {
    const demo = run('demo', settings);
    expect(await demo.exitCode).toBe(0);
    expect(demo.output).toContain('Every step answered as it should.');
    expect(demo.output).not.toMatch(/eyJ[\w-]+\.[\w-]+/);
    expect(await portsThatAnswer()).toEqual([]);
  });

  test('ends with the step that answered otherwise', async () => {
    const demo = run('demo', { ...settings, ALLOWED_CARD_IDS: 'card-orders,card-other' });
    expect(await demo.exitCode).toBe(1);
    expect(demo.errors).toMatch(/^Step 5 answered status 200 instead of 403/);
    expect(await portsThatAnswer()).toEqual([]);
  });
});

interface Descendant {
  readonly pid: number;
  readonly command: string;
}

interface LocalCommand {
  output: string;
  errors: string;
  /** Null when a signal ended it. */
  readonly exitCode: Promise<number | null>;
  /** The next line, after the last one asked for, that matches: its first group, or the match. */
  line(pattern: RegExp): Promise<string>;
  /** Waits for a condition. */
  until(condition: () => boolean | Promise<boolean>): Promise<void>;
  signal(signal: NodeJS.Signals, options?: { group?: boolean }): void;
  /** The processes that it has started, and those that they have. */
  descendants(): Descendant[];
  kill(): Promise<void>;
}

/** Runs a script of `local/` in the copy, with only these settings in its environment. */
function run(
  script: string,
  env: Record<string, string>,
  [program = '', ...args]: readonly string[] = [process.execPath, '--import', 'tsx', `local/${script}.ts`],
): LocalCommand {
  const child: ChildProcess = spawn(program, args, {
    cwd: root,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let waiting: { pattern: RegExp; resolve: (text: string) => void } | undefined;
  const unread: string[] = [];
  const command: LocalCommand = {
    output: '',
    errors: '',
    exitCode: once(child, 'close').then(([code]) => code as number | null),
    async line(pattern) {
      const matched = new Promise<string>((resolve) => {
        waiting = { pattern, resolve };
      });
      read();
      const deadline = new AbortController();
      const tooLate = delay(PATIENCE_MS, 'still running', { signal: deadline.signal }).catch(() => undefined);
      const missed = Promise.race([command.exitCode, tooLate]).then((why): never => {
        throw new Error(`${script} (${why}): no line like ${pattern} in\n${command.output}${command.errors}`);
      });
      return Promise.race([matched, missed]).finally(() => deadline.abort());
    },
    async until(condition) {
      const deadlineMs = performance.now() + PATIENCE_MS;
      while (!(await condition())) {
        if (performance.now() > deadlineMs)
          throw new Error(`Not so within ${PATIENCE_MS} ms:\n${command.output}${command.errors}`);
        await delay(10);
      }
    },
    signal(signal, { group = false } = {}) {
      const pid = child.pid ?? 0;
      process.kill(group ? -pid : pid, signal);
    },
    descendants: () => descendantsOf(child.pid ?? 0),
    async kill() {
      try {
        // The whole group: between npm and the stack stands a shell.
        process.kill(-(child.pid ?? 0), 'SIGKILL');
      } catch {
        // It has ended, as it should.
      }
      await command.exitCode;
    },
  };
  const read = () => {
    while (waiting && unread.length > 0) {
      const match = waiting.pattern.exec(unread.shift() ?? '');
      if (!match) continue;
      waiting.resolve(match[1] ?? match[0]);
      waiting = undefined;
    }
  };
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      command.output += `${line}\n`;
      unread.push(line);
      read();
    });
  }
  child.stderr?.on('data', (data) => {
    command.errors += data;
  });
  commands.push(command);
  return command;
}

function descendantsOf(pid: number): Descendant[] {
  const all = processes();
  const children = all.filter((one) => one.parent === pid);
  return children.flatMap((child) => [child, ...descendantsOf(child.pid)]);
}

function alive(which: readonly Descendant[]): Descendant[] {
  const running = new Set(processes().map(({ pid }) => pid));
  return which.filter(({ pid }) => running.has(pid));
}

/** All processes, except those that have ended and are only not yet collected by their parent. */
function processes(): (Descendant & { parent: number })[] {
  const list = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' });
  return list
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , state]) => !state?.startsWith('Z'))
    .map(([pid, parent, , ...command]) => ({ pid: Number(pid), parent: Number(parent), command: command.join(' ') }));
}

async function portsThatAnswer(): Promise<string[]> {
  const ports = [settings.PORT, settings.IDENTITY_SERVICE_PORT];
  const answers = await Promise.all(ports.map((port) => isListening(Number(port))));
  return ports.filter((_port, index) => answers[index]);
}

function probeFunction(body: string): string {
  return `import { app } from '@azure/functions';\napp.http('probe', { handler: async () => ({ body: '${body}' }) });\n`;
}
