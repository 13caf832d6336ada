/** One loaded version of the app: its functions, its timers and what is in flight on it. */
import type { Answer } from './answer';
import { createAppConsole } from './app-console';
import { loadApp } from './app-loader';
import { type AppLog, createAppLog } from './app-log';
import { type CoreState, createCore, runHooks } from './core-api';
import type { ProgrammingModel, RpcHttpData } from './core-types';
import { defineFunctions, type FunctionDefinition, type HttpFunction } from './function-definition';
import { HostError, messageOf } from './host-error';
import { type HostSettings, readHostJson } from './host-json';
import { invoke } from './invocation';
import { fromRpcResponse } from './rpc-response';
import { type RunningTimer, startTimer } from './timers';

export interface FunctionApp {
  readonly settings: HostSettings;
  /** In the order in which their routes are tried. */
  readonly functions: readonly FunctionDefinition[];
  /** By function name; empty until `startTimers`. */
  readonly timers: ReadonlyMap<string, RunningTimer>;
  /** An error of the function is in the log already when this answers 500. */
  call(definition: HttpFunction, request: RpcHttpData): Promise<Answer>;
  startTimers(): void;
  /** Counts `work` as in flight until it settles. */
  track(work: Promise<unknown>): void;
  /** Stops the timers, waits for what is in flight, then runs the appTerminate hooks. Never rejects. */
  retire(): Promise<void>;
}

export interface FunctionAppOptions {
  readonly appDirectory: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: (line: string) => void;
}

/** @throws HostError if the app cannot be loaded, or registers what this host cannot serve. */
export async function loadFunctionApp(options: FunctionAppOptions): Promise<FunctionApp> {
  const settings = await readHostJson(options.appDirectory, options.env);
  const log = createAppLog(options.log, settings.logLevel);
  const core = createCore(log.app);
  await loadApp(options.appDirectory, { core: core.api, env: options.env, console: createAppConsole(log) });
  const model = await finishStartup(core.state, options.appDirectory);
  const functions = defineFunctions(core.state.functions.values(), {
    routePrefix: settings.routePrefix,
    env: options.env,
  });
  return createFunctionApp({ settings, log, core: core.state, model, functions });
}

async function finishStartup(core: CoreState, functionAppDirectory: string): Promise<ProgrammingModel> {
  try {
    const { appHookData } = core;
    await runHooks(core, 'appStart', { hookData: {}, appHookData, functionAppDirectory });
  } catch (error) {
    throw new HostError(messageOf(error), { cause: error });
  }
  core.hasStarted = true;
  if (!core.programmingModel) throw new HostError('The app registered no function.');
  const refusal = 'HTTP streaming (app.setup with enableHttpStream) is not supported by the local host.';
  if (core.usesHttpStream) throw new HostError(refusal);
  const capabilities = await core.programmingModel.getCapabilities({});
  if (capabilities['HttpUri']) throw new HostError(refusal);
  return core.programmingModel;
}

interface Parts {
  readonly settings: HostSettings;
  readonly log: AppLog;
  readonly core: CoreState;
  readonly model: ProgrammingModel;
  readonly functions: readonly FunctionDefinition[];
}

function createFunctionApp({ settings, log, core, model, functions }: Parts): FunctionApp {
  const environment = { core, model, log };
  const timers = new Map<string, RunningTimer>();
  const inFlight = new Set<Promise<unknown>>();

  function track(work: Promise<unknown>): void {
    const settled = work.catch(() => undefined).finally(() => inFlight.delete(settled));
    inFlight.add(settled);
  }

  return {
    settings,
    functions,
    timers,
    track,
    async call(definition, request) {
      const reason = 'This function was programmatically called via the host APIs.';
      try {
        const returnValue = await invoke({ definition, reason, input: { http: request } }, environment);
        return fromRpcResponse(returnValue, request.method ?? 'GET');
      } catch {
        return { status: 500 };
      }
    },
    startTimers() {
      for (const definition of functions) {
        if (definition.trigger !== 'timer') continue;
        const run = (reason: string, timerInfo: string) => {
          const running = invoke({ definition, reason, input: { json: timerInfo } }, environment);
          track(running);
          return running;
        };
        timers.set(definition.name, startTimer(definition, run));
      }
    },
    async retire() {
      for (const timer of timers.values()) timer.stop();
      while (inFlight.size > 0) await Promise.all(inFlight);
      try {
        await runHooks(core, 'appTerminate', { hookData: {}, appHookData: core.appHookData });
      } catch (error) {
        log.failure(error);
      }
    },
  };
}
