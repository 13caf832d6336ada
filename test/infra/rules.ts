/** All that must hold of a deployment beyond what the compiler knows. */
import type { Rule } from './rule';
import { appRules } from './rules/app';
import { extentRules } from './rules/extent';
import { identityRules } from './rules/identity';
import { monitoringRules } from './rules/monitoring';
import { namingRules } from './rules/naming';
import { networkRules } from './rules/network';
import { storageRules } from './rules/storage';

export const rules: readonly Rule[] = [
  ...identityRules,
  ...appRules,
  ...storageRules,
  ...monitoringRules,
  ...networkRules,
  ...namingRules,
  ...extentRules,
];
