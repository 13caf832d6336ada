/** One invocation, in the order of the real worker: arguments, hooks, the handler, hooks, the response. */
import { randomUUID } from 'node:crypto';
import type { AppLog } from './app-log';
import { type CoreState, runHooks, runLogHooks } from './core-api';
import type { CoreInvocationContext, LogLevel, ProgrammingModel, RpcTypedData } from './core-types';
import type { FunctionDefinition } from './function-definition';

export interface Invocation {
  readonly definition: FunctionDefinition;
  readonly reason: string;
  readonly input: RpcTypedData;
}

/** What an app supplies to each of its invocations. */
export interface InvocationEnvironment {
  readonly core: CoreState;
  readonly model: ProgrammingModel;
  readonly log: AppLog;
}

/**
 * Runs the function once and resolves to the return value that its programming model made.
 *
 * Rejects with what the function, a hook or the conversion threw, after that is in the log.
 */
export async function invoke(
  { definition, reason, input }: Invocation,
  environment: InvocationEnvironment,
): Promise<RpcTypedData | null | undefined> {
  const { log } = environment;
  const id = randomUUID();
  const title = `'Functions.${definition.name}'`;
  const startedAt = performance.now();
  const finish = (outcome: string) => {
    const durationMs = Math.round(performance.now() - startedAt);
    log.host(`Executed ${title} (${outcome}, Id=${id}, Duration=${durationMs}ms)`);
  };

  log.host(`Executing ${title} (Reason='${reason}', Id=${id})`);
  try {
    const returnValue = await run(id, definition, input, environment);
    finish('Succeeded');
    return returnValue;
  } catch (error) {
    finish('Failed');
    log.failure(error);
    throw error;
  }
}

async function run(
  invocationId: string,
  { metadata, callback, bindingName }: FunctionDefinition,
  input: RpcTypedData,
  { core, model, log }: InvocationEnvironment,
): Promise<RpcTypedData | null | undefined> {
  const hookData: Record<string, unknown> = {};
  let invocationContext: unknown;

  const coreContext: CoreInvocationContext = {
    invocationId,
    metadata,
    request: {
      invocationId,
      inputData: [{ name: bindingName, data: input }],
      triggerMetadata: {},
      // The real host fills these only for a telemetry provider.
      traceContext: { traceParent: '', traceState: '', attributes: {} },
    },
    state: undefined,
    log(level: LogLevel, category, message) {
      const entry = { level, message, category, hookData, appHookData: core.appHookData, invocationContext };
      runLogHooks(core, entry);
      log.app(entry.level, category, entry.message);
    },
  };
  async function during<T>(state: CoreInvocationContext['state'], work: () => Promise<T>): Promise<T> {
    coreContext.state = state;
    try {
      return await work();
    } finally {
      coreContext.state = undefined;
    }
  }

  const invocation = model.getInvocationModel(coreContext);
  const { context, inputs } = await invocation.getArguments();
  invocationContext = context;

  const shared = { hookData, appHookData: core.appHookData, invocationContext };
  const before = { ...shared, inputs, functionCallback: callback };
  await during('preInvocationHooks', () => runHooks(core, 'preInvocation', before));

  const after = { ...shared, inputs: before.inputs, result: null as unknown, error: null as unknown };
  try {
    after.result = await during('invocation', () =>
      invocation.invokeFunction(context, before.inputs, before.functionCallback),
    );
  } catch (error) {
    after.error = error;
  }
  await during('postInvocationHooks', () => runHooks(core, 'postInvocation', after));

  // As in the real worker, `throw undefined` is no error.
  if (after.error !== null && after.error !== undefined) throw after.error;
  return (await invocation.getResponse(context, after.result)).returnValue;
}
