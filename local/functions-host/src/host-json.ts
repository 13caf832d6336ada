/** Reads the keys of host.json that the embedded host honours, with their overrides from the environment. */
import { readFile } from 'node:fs/promises';
import { validateHeaderName, validateHeaderValue } from 'node:http';
import path from 'node:path';
import { toLogLevel } from './app-log';
import type { LogLevel } from './core-types';
import { HostError, messageOf } from './host-error';

const overridePrefix = 'azurefunctionsjobhost__';

export interface HostSettings {
  /** Without slashes at its ends; may be empty. */
  readonly routePrefix: string;
  /** Set on every response that reaches the router, unless the function sets the same header. */
  readonly customHeaders: Readonly<Record<string, string>>;
  /** The least level of the app's own messages that appears. */
  readonly logLevel: LogLevel;
}

interface JsonObject {
  [key: string]: unknown;
}

/** @throws HostError if host.json is missing, is no JSON object, or has a version other than "2.0". */
export async function readHostJson(appDirectory: string, env: NodeJS.ProcessEnv): Promise<HostSettings> {
  const file = path.join(appDirectory, 'host.json');
  const settings = parse(file, await read(file));
  if (settings['version'] !== '2.0') throw new HostError(`${file} must have "version": "2.0".`);
  applyOverrides(settings, env);

  const prefix = at(settings, ['extensions', 'http', 'routePrefix']);
  const headers = at(settings, ['extensions', 'http', 'customHeaders']);
  const level =
    at(settings, ['logging', 'logLevel', 'Function']) ?? at(settings, ['logging', 'logLevel', 'default']) ?? undefined;
  return {
    routePrefix: typeof prefix === 'string' ? prefix.replace(/^\/+|\/+$/g, '') : 'api',
    customHeaders: isObject(headers) ? readHeaders(file, headers) : {},
    logLevel: toLogLevel(typeof level === 'string' ? level : undefined),
  };
}

/** Checked here, or each answer would fail on them. */
function readHeaders(file: string, headers: JsonObject): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  for (const [name, value] of entries) {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch (error) {
      throw new HostError(`${file} has an illegal custom header: ${messageOf(error)}.`, { cause: error });
    }
  }
  return Object.fromEntries(entries);
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new HostError(`${file} is missing.`, { cause: error });
  }
}

function parse(file: string, text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new HostError(`${file} is not valid JSON: ${messageOf(error)}`, { cause: error });
  }
  if (!isObject(value)) throw new HostError(`${file} must hold a JSON object.`);
  return value;
}

/** `AzureFunctionsJobHost__a__b=value` overrides `{ "a": { "b": … } }`. */
function applyOverrides(settings: JsonObject, env: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || !name.toLowerCase().startsWith(overridePrefix)) continue;
    const keys = name.slice(overridePrefix.length).split('__');
    const last = keys.pop() ?? '';
    let target = settings;
    for (const key of keys) {
      const actual = sameKey(target, key);
      const next = target[actual];
      const child: JsonObject = isObject(next) ? next : {};
      target[actual] = child;
      target = child;
    }
    target[sameKey(target, last)] = value;
  }
}

function at(settings: JsonObject, keys: readonly string[]): unknown {
  let value: unknown = settings;
  for (const key of keys) value = isObject(value) ? value[sameKey(value, key)] : undefined;
  return value;
}

/** The host's configuration keys are case-insensitive. */
function sameKey(object: JsonObject, key: string): string {
  return Object.keys(object).find((present) => present.toLowerCase() === key.toLowerCase()) ?? key;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
