/** Looks into a compiled template: its modules, and what waits for what. None of it shows in the predicted resources. */

// biome-ignore lint/suspicious/noExplicitAny: a template is whatever JSON the compiler wrote
export type Template = any;

export interface TemplateResource {
  readonly type: string;
  readonly existing?: boolean;
  readonly condition?: string;
  readonly dependsOn?: readonly string[];
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly [member: string]: any;
}

export interface TemplateModule {
  readonly name: string;
  readonly template: Template;
  readonly resources: Readonly<Record<string, TemplateResource>>;
}

/** The template itself, as `main`, and all that are nested in it. */
export function modulesOf(template: Template, name = 'main'): TemplateModule[] {
  const resources: Record<string, TemplateResource> = template.resources;
  const nested = Object.entries(resources).filter(([, { type }]) => type === 'Microsoft.Resources/deployments');
  return [
    { name, template, resources },
    ...nested.flatMap(([symbol, { properties }]) => modulesOf(properties.template, symbol)),
  ];
}

/** Throws when there is none of that name. */
export function moduleNamed(template: Template, name: string): TemplateModule {
  const found = modulesOf(template).find((module) => module.name === name);
  if (found === undefined) throw new Error(`there is no module ${name}`);
  return found;
}

/** What is made before `symbol`, directly or by way of others, among the resources and modules of resources.bicep. */
export function dependenciesOf(template: Template, symbol: string): ReadonlySet<string> {
  const { resources } = moduleNamed(template, 'resources');
  const found = new Set(resources[symbol]?.dependsOn ?? []);
  for (const name of found) {
    const { dependsOn = [], condition } = resources[name] ?? {};
    // What is waited for by way of something that may not be there may not be waited for.
    if (condition === undefined) for (const next of dependsOn) found.add(next);
  }
  return found;
}
