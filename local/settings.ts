/** Reads `local.settings.json` as Core Tools do, so that `npm start` and `func start` see the same settings. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { CorsOptions } from './functions-host/src/cors';
import { LocalError } from './local-error';

export interface LocalSettings {
  readonly values: Readonly<Record<string, string>>;
  readonly cors?: CorsOptions;
}

/** Throws LocalError when the file is missing, encrypted, no JSON, or of another shape; never with a value of it. */
export function readLocalSettings(file: string): LocalSettings {
  const name = path.basename(file);
  const settings = parse(readText(file), name);
  // Core Tools take a missing member for true.
  if (settings['IsEncrypted'] !== false) {
    throw new LocalError(
      `${name} has no "IsEncrypted": false: add it, or decrypt the file with "func settings decrypt".`,
    );
  }
  const cors = readCors(settings['Host'], name);
  return { values: readValues(settings['Values'], name), ...(cors && { cors }) };
}

/** The app's environment: the file's values, what Core Tools add, and over both each non-empty variable of `environment`. */
export function localEnvironment(
  values: Readonly<Record<string, string>>,
  environment: NodeJS.ProcessEnv,
  { port, appDirectory }: { port: number; appDirectory: string },
): NodeJS.ProcessEnv {
  const added = {
    AZURE_FUNCTIONS_ENVIRONMENT: 'Development',
    AzureWebJobsScriptRoot: appDirectory,
    WEBSITE_HOSTNAME: `localhost:${port}`,
  };
  const set = Object.entries(environment).filter(([, value]) => value);
  return { ...environment, ...added, ...values, ...Object.fromEntries(set) };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const name = path.basename(file);
    throw code === 'ENOENT'
      ? new LocalError(`${name} is missing: "npm run prepare" makes it from local.settings.sample.json.`)
      : new LocalError(`${name} cannot be read (${code}).`);
  }
}

function parse(text: string, name: string): Record<string, unknown> {
  let settings: unknown;
  try {
    settings = JSON.parse(text);
  } catch {
    // Not the parser's own message: it quotes the text around the mistake, which may be a secret.
    throw new LocalError(`${name} is not valid JSON${placeOfMistake(text)}.`);
  }
  if (!isObject(settings)) throw new LocalError(`${name} must hold a JSON object.`);
  return settings;
}

/** ` (line 3, column 5)`, or nothing. JSON.parse does not always tell; esbuild does, and is loaded only for this. */
function placeOfMistake(text: string): string {
  try {
    const { transformSync } = require('esbuild') as typeof import('esbuild');
    transformSync(text, { loader: 'json', logLevel: 'silent' });
  } catch (error) {
    const location = (error as Partial<import('esbuild').TransformFailure>).errors?.[0]?.location;
    if (location) return ` (line ${location.line}, column ${location.column + 1})`;
  }
  return '';
}

function readValues(values: unknown, name: string): Record<string, string> {
  if (values === undefined) return {};
  if (!isObject(values)) throw new LocalError(`"Values" in ${name} must be an object of strings.`);
  for (const [key, value] of Object.entries(values)) {
    if (typeof value !== 'string') throw new LocalError(`"Values.${key}" in ${name} must be a string.`);
  }
  return values as Record<string, string>;
}

function readCors(host: unknown, name: string): CorsOptions | undefined {
  if (host === undefined) return undefined;
  if (!isObject(host)) throw new LocalError(`"Host" in ${name} must be an object.`);
  const { CORS: list = '', CORSCredentials: credentials = false } = host;
  if (typeof list !== 'string') throw new LocalError(`"Host.CORS" in ${name} must be a comma-separated string.`);
  if (typeof credentials !== 'boolean')
    throw new LocalError(`"Host.CORSCredentials" in ${name} must be true or false.`);
  const origins = list
    .split(',')
    .map((origin) => origin.trim())
    .filter(Boolean);
  if (credentials && origins.includes('*')) {
    throw new LocalError(`"Host.CORS" in ${name} cannot be "*" together with "Host.CORSCredentials": true.`);
  }
  return origins.length > 0 ? { origins, credentials } : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
