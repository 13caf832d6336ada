/** Checks what the app registered and turns it into the functions that the host can serve, or says which it cannot. */
import type { Binding, Registration } from './core-types';
import { HostError, messageOf } from './host-error';
import { parseRoute, type Route } from './route';
import { parseTimerSchedule, type TimerSchedule } from './timer-schedule';

interface FunctionBase extends Registration {
  readonly name: string;
  /** The name of its trigger's binding, by which the library finds the input. */
  readonly bindingName: string;
}

export interface HttpFunction extends FunctionBase {
  readonly trigger: 'http';
  readonly methods: readonly string[];
  /** With the route prefix, without a slash at its start. */
  readonly template: string;
  readonly route: Route;
}

export interface TimerFunction extends FunctionBase {
  readonly trigger: 'timer';
  readonly schedule: TimerSchedule;
  readonly runOnStartup: boolean;
}

export type FunctionDefinition = HttpFunction | TimerFunction;

interface DefinitionOptions {
  readonly routePrefix: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Returned in the order in which routes are tried: by name, ordinal and in any letter case.
 * @throws HostError that names the first function that cannot be served, and why.
 */
export function defineFunctions(
  registrations: Iterable<Registration>,
  options: DefinitionOptions,
): readonly FunctionDefinition[] {
  const functions = [...registrations].map((registration) => {
    try {
      return define(registration, options);
    } catch (error) {
      throw new HostError(`Function "${registration.metadata.name}": ${messageOf(error)}.`, { cause: error });
    }
  });
  if (functions.length === 0) throw new HostError('The app registered no function.');
  functions.sort((a, b) => compareOrdinal(a.name.toUpperCase(), b.name.toUpperCase()));
  const twin = functions.find(({ name }, index) => functions[index + 1]?.name.toUpperCase() === name.toUpperCase());
  if (twin) throw new HostError(`Function "${twin.name}": another function has the same name.`);
  return functions;
}

function define(registration: Registration, options: DefinitionOptions): FunctionDefinition {
  const { name, bindings } = registration.metadata;
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,127}$/.test(name)) {
    throw new HostError('a name is a letter, then at most 127 letters, digits, hyphens or underscores');
  }
  const [bindingName, trigger] = findTrigger(bindings);
  const common = { ...registration, name, bindingName };
  switch (trigger.type.toLowerCase()) {
    case 'httptrigger':
      return { ...common, trigger: 'http', ...defineHttp(name, trigger, options.routePrefix) };
    case 'timertrigger':
      return {
        ...common,
        trigger: 'timer',
        schedule: parseTimerSchedule(trigger.schedule ?? '', trigger.useMonitor ?? true, options.env),
        runOnStartup: trigger.runOnStartup ?? false,
      };
    default:
      throw new HostError(`the local host serves HTTP and timer triggers, not a ${trigger.type}`);
  }
}

function findTrigger(bindings: Readonly<Record<string, Binding>>): [string, Binding] {
  let trigger: [string, Binding] | undefined;
  for (const [name, binding] of Object.entries(bindings)) {
    if (/trigger$/i.test(binding.type)) trigger = [name, binding];
    else if (name !== '$return' || binding.type !== 'http') {
      throw new HostError(`the local host has no input or output bindings, such as "${name}" (${binding.type})`);
    }
  }
  if (!trigger) throw new HostError('it has no trigger');
  return trigger;
}

function defineHttp(name: string, trigger: Binding, routePrefix: string) {
  const explicit = trigger.route ?? '';
  if (/^\/*(?:admin|runtime)/i.test(explicit)) {
    throw new HostError(`route "${explicit}" conflicts with the host's own, which begin with admin or runtime`);
  }
  if (explicit.startsWith('/') || explicit.startsWith('~')) {
    throw new HostError(`route "${explicit}" cannot begin with "/" or "~"`);
  }
  const route = explicit || name;
  const template = routePrefix === '' ? route : `${routePrefix}/${route}`;
  const methods = (trigger.methods ?? ['GET', 'POST']).map((method) => method.toUpperCase());
  return { methods, template, route: parseRoute(template) };
}

function compareOrdinal(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
