/** What a developer is told of each function when the host starts. */
import type { FunctionDefinition } from './function-definition';

export interface FunctionSummary {
  readonly name: string;
  readonly trigger: 'http' | 'timer';
  readonly methods: readonly string[];
  readonly url?: string;
  readonly schedule?: string;
}

/** In the given order, which is by name, but HTTP first, as `func start` lists them. */
export function summariseFunctions(functions: readonly FunctionDefinition[], baseUrl: string): FunctionSummary[] {
  const summaries = functions.map((definition): FunctionSummary => {
    const { name, trigger } = definition;
    return trigger === 'http'
      ? { name, trigger, methods: definition.methods, url: `${baseUrl}/${definition.template}` }
      : { name, trigger, methods: [], schedule: definition.schedule.expression };
  });
  const ofTrigger = (trigger: FunctionSummary['trigger']) => summaries.filter((summary) => summary.trigger === trigger);
  return [...ofTrigger('http'), ...ofTrigger('timer')];
}
