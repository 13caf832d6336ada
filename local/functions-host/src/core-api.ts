/** The module `@azure/functions-core`, which the real host's worker supplies to the library and so to the app. */
import type {
  FunctionCallback,
  FunctionMetadata,
  LogCategory,
  LogLevel,
  ProgrammingModel,
  Registration,
} from './core-types';

const hookNames = ['appStart', 'appTerminate', 'preInvocation', 'postInvocation', 'log'] as const;
type HookName = (typeof hookNames)[number];
type HookCallback = (context: object) => unknown;

/** What one evaluation of the app has registered. */
export interface CoreState {
  readonly functions: Map<string, Registration>;
  readonly hooks: Readonly<Record<HookName, HookCallback[]>>;
  /** Shared by all hooks of the app. */
  readonly appHookData: Record<string, unknown>;
  programmingModel: ProgrammingModel | undefined;
  /** Set once the functions are indexed; from then on none can be registered. */
  hasStarted: boolean;
  usesHttpStream: boolean;
}

export interface Core {
  readonly api: object;
  readonly state: CoreState;
}

export function createCore(log: (level: LogLevel, category: LogCategory, message: string) => void): Core {
  const state: CoreState = {
    functions: new Map(),
    hooks: { appStart: [], appTerminate: [], preInvocation: [], postInvocation: [], log: [] },
    appHookData: {},
    programmingModel: undefined,
    hasStarted: false,
    usesHttpStream: false,
  };
  const api = {
    // The versions whose behaviour this host reproduces.
    version: '3.9.1',
    hostVersion: '4.1037.0',
    Disposable,
    log(level: LogLevel, category: LogCategory, message: string) {
      // The library tells of its setting in no other way that does not also start its proxy server.
      if (message === 'HTTP streaming enabled.') state.usesHttpStream = true;
      log(level, category, message);
    },
    setProgrammingModel(model: ProgrammingModel) {
      state.programmingModel = model;
    },
    getProgrammingModel: () => state.programmingModel,
    registerFunction: (metadata: FunctionMetadata, callback: FunctionCallback) =>
      registerFunction(state, metadata, callback),
    registerHook: (name: string, callback: HookCallback) => registerHook(state, name, callback),
  };
  return { api, state };
}

/** Runs the hooks in the order of their registration, each awaited. */
export async function runHooks(state: CoreState, name: HookName, context: object): Promise<void> {
  for (const callback of [...state.hooks[name]]) await callback(context);
}

/** Log hooks run synchronously, and may change `level` and `message`. */
export function runLogHooks(state: CoreState, context: { level: LogLevel; message: string }): void {
  for (const callback of [...state.hooks.log]) callback(context);
}

function registerFunction(state: CoreState, metadata: FunctionMetadata, callback: FunctionCallback): Disposable {
  if (state.hasStarted) throw new Error('A function can only be registered during app startup.');
  const id = metadata.functionId ?? metadata.name;
  if (state.functions.has(id)) throw new Error(`A function with id "${id}" has already been registered.`);
  state.functions.set(id, { metadata, callback });
  return new Disposable(() => {
    if (state.hasStarted) throw new Error('A function can only be disposed during app startup.');
    state.functions.delete(id);
  });
}

function registerHook(state: CoreState, name: string, callback: HookCallback): Disposable {
  const known = hookNames.find((hook) => hook === name);
  if (!known) {
    // The library recognises this property, and turns the error into one about the host's version.
    throw Object.assign(new RangeError(`Unrecognized hook "${name}"`), { isAzureFunctionsSystemError: true });
  }
  const hooks = state.hooks[known];
  hooks.push(callback);
  return new Disposable(() => {
    const index = hooks.indexOf(callback);
    if (index >= 0) hooks.splice(index, 1);
  });
}

class Disposable {
  static from(...disposables: readonly { dispose(): unknown }[]): Disposable {
    return new Disposable(() => {
      for (const disposable of disposables) disposable.dispose();
    });
  }

  #callOnDispose: (() => unknown) | undefined;

  constructor(callOnDispose: () => unknown) {
    this.#callOnDispose = callOnDispose;
  }

  dispose(): unknown {
    const callOnDispose = this.#callOnDispose;
    this.#callOnDispose = undefined;
    return callOnDispose?.();
  }
}
