/** Names, places, tags, versions and descriptions: what holds for every resource. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { PredictedResource } from '../deployment';
import { only, rule } from '../rule';
import { moduleNamed, modulesOf } from '../template';

const root = path.join(__dirname, '../../..');

/** Azure's rules for the last part of a name, by type. */
const NAMES: Record<string, RegExp> = {
  'Microsoft.Resources/resourceGroups': /^[\w().-]{0,89}[\w()-]$/,
  'Microsoft.ManagedIdentity/userAssignedIdentities': /^[A-Za-z0-9][\w-]{2,127}$/,
  'Microsoft.OperationalInsights/workspaces': /^[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]$/,
  'Microsoft.Insights/components': /^[\w().-]{0,259}[\w()-]$/,
  'Microsoft.Storage/storageAccounts': /^[a-z0-9]{3,24}$/,
  'Microsoft.Storage/storageAccounts/blobServices/containers': /^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
  'Microsoft.Storage/storageAccounts/tableServices/tables': /^[A-Za-z][A-Za-z0-9]{2,62}$/,
  'Microsoft.KeyVault/vaults': /^(?!.*--)[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]$/,
  'Microsoft.KeyVault/vaults/secrets': /^[A-Za-z0-9-]{1,127}$/,
  'Microsoft.Network/virtualNetworks': /^[A-Za-z0-9][\w.-]{0,62}\w$/,
  'Microsoft.Web/serverfarms': /^[A-Za-z0-9-]{1,60}$/,
  'Microsoft.Web/sites': /^[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]$/,
};

/** These names are taken once in all of Azure, so they carry the hash of 13 characters. */
const GLOBAL_NAMES = ['Microsoft.Storage/storageAccounts', 'Microsoft.KeyVault/vaults', 'Microsoft.Web/sites'];
const HASH_LENGTH = 13;

const GLOBAL_PLACES =
  /^Microsoft\.(Insights\/(actionGroups|metricAlerts)|Network\/privateDnsZones(\/virtualNetworkLinks)?)$/;

const PLACES: Record<string, string> = {
  default: 'westeurope',
  everything: 'northeurope',
  'private-network': 'westeurope',
};

const lastPart = ({ name }: PredictedResource) => name.split('/').at(-1) ?? '';

export const namingRules = [
  rule('Azure accepts every name', ({ resources }, must) => {
    for (const resource of resources) {
      const pattern = NAMES[resource.type];
      if (pattern !== undefined) must.hold(`${resource.type} ${lastPart(resource)}`, pattern.test(lastPart(resource)));
    }
    const ids = resources.map(({ id }) => id.toLowerCase());
    must.be('resources with the id of another', ids.length - new Set(ids).size, 0);
  }),

  rule('names are nobody else’s, and the same at every deployment', ({ resources, template }, must) => {
    const { variables } = moduleNamed(template, 'resources').template;
    must.be('the hash', variables.suffix, "[uniqueString(resourceGroup().id, parameters('environmentName'))]");
    const named = resources.filter(({ type }) => GLOBAL_NAMES.includes(type));
    must.be('resources with such a name', named.length, GLOBAL_NAMES.length);
    must.be('hashes', new Set(named.map((resource) => lastPart(resource).slice(-HASH_LENGTH))).size, 1);
  }),

  rule('everything is in the region that was asked for', ({ resources, scenario }, must) => {
    for (const { type, location } of resources) {
      if (location !== undefined) must.be(type, location, GLOBAL_PLACES.test(type) ? 'global' : PLACES[scenario]);
    }
  }),

  rule('azd finds the environment and the service by their tags', (deployment, must) => {
    const group = only(deployment, 'Microsoft.Resources/resourceGroups');
    const name = group.tags?.['azd-env-name'];
    const environments: Record<string, string> = { default: 'dev', everything: 'Production_(EU).2026' };
    must.be('the environment', name, environments[deployment.scenario] ?? 'private');
    const own = deployment.scenario === 'everything' ? '4711' : undefined;
    for (const { type, tags, location } of deployment.resources) {
      if (tags !== undefined) must.be(`${type}: the tag that was asked for`, tags.costCenter, own);
      // What has a place can have tags, save for links of zones, where nobody looks.
      if (location !== undefined && !type.endsWith('virtualNetworkLinks')) must.be(type, tags?.['azd-env-name'], name);
    }
    const services = deployment.resources.filter(({ tags }) => tags?.['azd-service-name'] !== undefined);
    must.be(
      'services',
      services.map(({ type, tags }) => [type, tags?.['azd-service-name']]),
      [['Microsoft.Web/sites', 'api']],
    );
  }),

  rule('no resource is of a preview version, where there is another', ({ resources }, must) => {
    const previews = resources.filter(({ apiVersion }) => apiVersion.includes('preview'));
    must.be('previews', [...new Set(previews.map(({ type }) => type))], ['Microsoft.Insights/diagnosticSettings']);
  }),

  rule('every parameter and output says what it is', ({ template }, must) => {
    for (const module of modulesOf(template)) {
      for (const kind of ['parameters', 'outputs']) {
        for (const [name, { metadata }] of Object.entries<{ metadata?: { description?: string } }>(
          module.template[kind] ?? {},
        )) {
          must.hold(`${module.name}: ${name} must be described`, (metadata?.description ?? '') !== '');
        }
      }
    }
  }),

  rule('the limits and defaults of the parameters are those of the design', ({ template }, must) => {
    const { parameters, definitions } = template;
    const type = (name: string) => {
      const { $ref } = parameters[name];
      const [, , owner, , property] = $ref === undefined ? [] : $ref.split('/');
      return $ref === undefined ? parameters[name] : definitions[owner].properties[property];
    };
    const nodeVersion = readFileSync(path.join(root, '.nvmrc'), 'utf8').trim();
    must.be(
      'Node',
      [parameters.nodeVersion.defaultValue, type('nodeVersion').allowedValues],
      [nodeVersion, ['22', '24']],
    );
    must.be('memory', new Set(type('instanceMemoryMB').allowedValues), new Set([512, 2048, 4096]));
    const range = (name: string) => [type(name).minValue, type(name).maxValue, parameters[name].defaultValue];
    must.be('TTL', range('tokenCacheTtlSeconds'), [1, 1800, 1800]);
    must.be('timeout', range('identityTimeoutMs'), [100, 2500, 1200]);
    must.be('instances', range('maximumInstanceCount'), [40, 1000, 40]);
    must.be('always ready', range('alwaysReadyHttpInstances'), [0, 1000, 0]);
    must.be('concurrency', range('httpConcurrency'), [1, 1000, 100]);
    must.be('log cap', range('logDailyCapGb'), [1, undefined, 1]);
    for (const name of ['privateNetwork', 'vaultPurgeProtection']) must.be(name, parameters[name].defaultValue, false);
    for (const name of ['environmentName', 'location', 'identityBaseUrl', 'allowedCardIds']) {
      must.be(`the default of ${name}`, parameters[name].defaultValue, undefined);
    }
  }),

  rule('the outputs are what azd and the workflow look for', ({ template, outputs, ...rest }, must) => {
    must.be('the outputs', Object.keys(template.outputs).sort(), [
      'API_URL',
      'AZURE_FUNCTION_APP_NAME',
      'AZURE_KEY_VAULT_NAME',
      'AZURE_LOCATION',
      'AZURE_RESOURCE_GROUP',
    ]);
    const deployment = { template, outputs, ...rest };
    must.be('the app', outputs.AZURE_FUNCTION_APP_NAME, only(deployment, 'Microsoft.Web/sites').name);
    must.be('the vault', outputs.AZURE_KEY_VAULT_NAME, only(deployment, 'Microsoft.KeyVault/vaults').name);
    must.be('the group', outputs.AZURE_RESOURCE_GROUP, only(deployment, 'Microsoft.Resources/resourceGroups').name);
    must.be('the region', outputs.AZURE_LOCATION, PLACES[rest.scenario]);
    const app = only(deployment, 'Microsoft.Web/sites');
    must.be(
      'the address',
      outputs.API_URL,
      `[format('https://{0}', reference('${app.id}', '${app.apiVersion}').defaultHostName)]`,
    );
  }),
];
