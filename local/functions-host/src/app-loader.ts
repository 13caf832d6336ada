/** Evaluates the app's bundle: with Node's own CommonJS machinery, the host's core module and an environment of its own. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Module } from 'node:module';
import path from 'node:path';
import { HostError, messageOf, stackOf } from './host-error';

/** What an app gets from its host in place of what Node gives to every module. */
export interface AppGlobals {
  /** `@azure/functions-core`. */
  readonly core: object;
  /** The app's `process.env`. */
  readonly env: NodeJS.ProcessEnv;
  readonly console: Console;
}

/** The parts of Node's module class that its types leave out. */
interface CompilableModule extends NodeJS.Module {
  _compile(code: string, filename: string): unknown;
}

interface ModuleClass {
  new (id: string): CompilableModule;
  _nodeModulePaths(directory: string): string[];
}

/**
 * Runs the file that `main` of the app's package.json names, and the files next to it that it requires, again at each call.
 *
 * The app's `process.env`, also through `require('process')`, is a copy of `env`; the host's own stays as it is. Its
 * console is the host's log, as the real worker's is.
 * @throws HostError if package.json or the file is missing, is an ES module, or throws.
 */
export async function loadApp(appDirectory: string, { core, env, console }: AppGlobals): Promise<void> {
  const file = await findMain(appDirectory);
  const ownProcess = Object.create(process, {
    env: { value: { ...env }, writable: true, enumerable: true },
  }) as NodeJS.Process;
  const given = new Map<string, unknown>([
    ['@azure/functions-core', core],
    ...['process', 'node:process'].map((id): [string, unknown] => [id, ownProcess]),
    ...['console', 'node:console'].map((id): [string, unknown] => [id, console]),
  ]);
  try {
    run(file, given, new Map());
  } catch (error) {
    throw new HostError(describeLoadError(error), { cause: error });
  }
}

/** Evaluates a file with `given` in place of those modules; `loaded` holds the app's own modules, by file. */
function run(file: string, given: Map<string, unknown>, loaded: Map<string, CompilableModule>): unknown {
  const code = readSource(file);
  const nodeModule = Module as unknown as ModuleClass;
  const module = new nodeModule(file);
  loaded.set(file, module);
  module.filename = file;
  module.paths = nodeModule._nodeModulePaths(path.dirname(file));
  const original = module.require.bind(module);
  module.require = ((id: string): unknown => {
    if (given.has(id)) return given.get(id);
    if (!/^\.\.?\/.*\.c?js$/.test(id)) return original(id);
    const own = path.resolve(path.dirname(file), id);
    return loaded.get(own)?.exports ?? run(own, given, loaded);
  }) as NodeJS.Require;
  module._compile(withOwnGlobals(code), file);
  module.loaded = true;
  return module.exports;
}

/** An error of the app's own kind explains itself; one of JavaScript's needs the place where it was thrown. */
function describeLoadError(error: unknown): string {
  const isBuiltIn = /^(Aggregate|Eval|Range|Reference|Syntax|Type|URI)?Error\b/.test(stackOf(error));
  const place = isBuiltIn ? /^ {4}at .*$/m.exec(stackOf(error))?.[0] : undefined;
  return place === undefined ? messageOf(error) : `${messageOf(error)}\n${place}`;
}

async function findMain(appDirectory: string): Promise<string> {
  const manifest = path.join(appDirectory, 'package.json');
  let content: { main?: unknown; type?: unknown };
  try {
    content = JSON.parse(await readFile(manifest, 'utf8')) as typeof content;
  } catch (error) {
    throw new HostError(`${manifest} is missing or is not valid JSON: ${messageOf(error)}`, { cause: error });
  }
  const { main, type } = content;
  if (typeof main !== 'string' || main === '') throw new HostError(`${manifest} has no "main" that names the bundle.`);
  if (main.endsWith('.mjs') || (type === 'module' && !main.endsWith('.cjs'))) {
    throw new HostError(`${manifest}: the bundle ${main} must be a CommonJS module, not an ES module.`);
  }
  return path.resolve(appDirectory, main);
}

function readSource(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new HostError(`${file} is missing: run \`npm run build\` first.`, { cause: error });
  }
}

/** On the first line, so that line numbers stay; after the directive, which counts only at the very start. */
function withOwnGlobals(code: string): string {
  const directive = /^\s*(["'])use strict\1;?/.exec(code)?.[0] ?? '';
  return `${directive}var process=require('node:process'),console=require('node:console');${code.slice(directive.length)}`;
}
