/** The host's own pages: the home page and what lies under `/admin`, open as under Core Tools. */
import type { IncomingMessage } from 'node:http';
import { type Answer, json } from './answer';
import type { FunctionApp } from './function-app';
import type { FunctionDefinition } from './function-definition';
import { baseUrl, readBody } from './rpc-request';

export interface AdminOptions {
  readonly hostId: string;
  readonly env: NodeJS.ProcessEnv;
}

const notFound: Answer = { status: 404 };
const homepage =
  '<!DOCTYPE html><html lang="en"><title>Functions</title><p>Your Functions app is up and running.</p></html>';

/** `undefined` when the path is none of the host's own. */
export async function answerAdmin(
  path: string,
  request: IncomingMessage,
  app: FunctionApp,
  { hostId, env }: AdminOptions,
): Promise<Answer | undefined> {
  if (path === '/') {
    if (env['AzureWebJobsDisableHomepage']?.toLowerCase() === 'true') return { status: 204 };
    return { status: 200, headers: { 'content-type': 'text/html' }, body: homepage };
  }
  const [root, area, ...rest] = path.replace(/\/$/, '').slice(1).toLowerCase().split('/');
  if (root !== 'admin') return undefined;
  const { method } = request;
  if (area === 'host') return answerHost(rest.join('/'), method, hostId);
  if (area !== 'functions' || rest.length > 1) return notFound;

  const [name] = rest;
  if (name === undefined) {
    return method === 'GET' ? json(app.functions.map((definition) => describe(definition, request))) : notFound;
  }
  const definition = app.functions.find((candidate) => candidate.name.toLowerCase() === name);
  if (!definition) return notFound;
  if (method === 'GET') return json(describe(definition, request));
  return method === 'POST' ? runByHand(definition, request, app) : notFound;
}

function answerHost(page: string, method: string | undefined, hostId: string): Answer {
  if (page === 'status' && method === 'GET') {
    return json({
      id: hostId,
      state: 'Running',
      version: '4.1037.0',
      processUptime: Math.round(process.uptime() * 1000),
    });
  }
  if (page === 'ping' && (method === 'GET' || method === 'POST')) {
    return { status: 200, headers: { 'cache-control': 'no-store,no-cache', pragma: 'no-cache' } };
  }
  return notFound;
}

function describe(definition: FunctionDefinition, request: IncomingMessage) {
  const { name, metadata } = definition;
  const bindings = Object.entries(metadata.bindings).map(([bindingName, binding]) => ({
    ...binding,
    name: bindingName,
  }));
  return {
    name,
    href: `${baseUrl(request)}/admin/functions/${name}`,
    invoke_url_template: definition.trigger === 'http' ? `${baseUrl(request)}/${definition.template}` : null,
    language: 'node',
    config: { name, bindings },
    isDisabled: false,
  };
}

/** Answers at once; the timer runs in the background. */
async function runByHand(definition: FunctionDefinition, request: IncomingMessage, app: FunctionApp): Promise<Answer> {
  const timer = app.timers.get(definition.name);
  if (!timer || !isInvocation(await readBody(request))) return { status: 400 };
  // Tracked from now on, so that closing waits for a run that has not begun.
  app.track(timer.fire('This function was programmatically called via the host APIs.'));
  return { status: 202 };
}

function isInvocation(body: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
