/** Which linter rules `infra/bicepconfig.json` must set. Bicep says nothing of a name there that is no rule. */

/** All rules of Bicep 0.49.2: the classes in its assembly, since it has no command that lists them. */
const ruleNames = `
  adminusername-should-not-be-literal artifacts-parameters decompiler-cleanup explicit-values-for-loc-params
  max-asserts max-outputs max-params max-resources max-variables nested-deployment-template-scoping
  no-conflicting-metadata no-conflicting-version-constraints no-deployments-resources no-explicit-any
  no-hardcoded-env-urls no-hardcoded-location no-hardcoded-outputs no-incompatible-entrypoint-version
  no-loc-expr-outside-params no-module-name no-unnecessary-dependson no-unused-existing-resources no-unused-imports
  no-unused-params no-unused-types no-unused-vars outputs-should-not-contain-secrets prefer-interpolation
  prefer-unquoted-property-names protect-commandtoexecute-secrets secure-parameter-default
  secure-params-in-nested-deploy secure-params-in-parameters-file secure-secrets-in-params simplify-interpolation
  simplify-json-null stacks-extensibility-compat use-description-outputs use-description-params
  use-description-type-properties use-description-types use-description-vars use-parent-property
  use-recent-api-versions use-recent-az-powershell-version use-recent-module-versions use-recognized-resource-type
  use-resource-id-functions use-resource-symbol-reference use-safe-access use-secure-value-for-secure-inputs
  use-stable-resource-identifiers use-stable-vm-image use-user-defined-types what-if-short-circuiting`
  .trim()
  .split(/\s+/);

/** Why not each. */
const rulesOff: Readonly<Record<string, string>> = {
  'use-description-vars': 'a name says it',
  'use-recent-api-versions': 'it compares with today: a repository that nobody touched would fail',
};

/** What is wrong in the configuration. */
export function checkLinterRules(configuration: string): string[] {
  const rules = JSON.parse(configuration).analyzers?.core?.rules ?? {};
  const unknown = Object.keys(rules).filter((name) => !ruleNames.includes(name));
  const isAt = (level: string) => (name: string) => rules[name]?.level === level;
  const notOff = Object.keys(rulesOff).filter((name) => !isAt('off')(name));
  const notError = ruleNames.filter((name) => !(name in rulesOff) && !isAt('error')(name));
  return [
    ...(unknown.length ? [`Bicep knows no rule ${unknown.join(', ')}`] : []),
    ...(notOff.length ? [`these rules must have the level off: ${notOff.join(', ')}`] : []),
    ...(notError.length ? [`these rules must have the level error: ${notError.join(', ')}`] : []),
  ];
}
