/** Nothing is made or set that was not thought of: whatever is new must be added here, and to a rule if it can be wrong. */
import type { Json } from '../deployment';
import { ofType, rule } from '../rule';

const SCENARIOS = ['default', 'everything', 'private-network'];

/** By type: how many there are in each scenario, and the members that they may have, of `properties` without saying so. */
const EXTENT: Readonly<Record<string, readonly [counts: readonly number[], members: string]>> = {
  'Microsoft.Authorization/roleAssignments': [[4, 4, 4], 'principalId principalType roleDefinitionId'],
  'Microsoft.Insights/actionGroups': [
    [0, 1, 0],
    `emailReceivers.emailAddress emailReceivers.name emailReceivers.useCommonAlertSchema enabled groupShortName`,
  ],
  'Microsoft.Insights/components': [[1, 1, 1], 'Application_Type DisableLocalAuth WorkspaceResourceId kind'],
  'Microsoft.Insights/diagnosticSettings': [
    [5, 5, 5],
    'logs.category logs.enabled metrics.category metrics.enabled workspaceId',
  ],
  'Microsoft.Insights/metricAlerts': [
    [2, 2, 2],
    `actions.actionGroupId autoMitigate criteria.allOf.criterionType criteria.allOf.dimensions.name
     criteria.allOf.dimensions.operator criteria.allOf.dimensions.values criteria.allOf.metricName
     criteria.allOf.metricNamespace criteria.allOf.name criteria.allOf.operator criteria.allOf.threshold
     criteria.allOf.timeAggregation criteria.odata.type description enabled evaluationFrequency scopes severity
     windowSize`,
  ],
  'Microsoft.Insights/scheduledQueryRules': [
    [2, 2, 2],
    `actions.actionGroups autoMitigate criteria.allOf.failingPeriods.minFailingPeriodsToAlert
     criteria.allOf.failingPeriods.numberOfEvaluationPeriods criteria.allOf.metricMeasureColumn
     criteria.allOf.operator criteria.allOf.query criteria.allOf.threshold criteria.allOf.timeAggregation
     description displayName enabled evaluationFrequency kind scopes severity skipQueryValidation windowSize`,
  ],
  'Microsoft.KeyVault/vaults': [
    [1, 1, 1],
    `enablePurgeProtection enableRbacAuthorization enableSoftDelete publicNetworkAccess sku.family sku.name
     softDeleteRetentionInDays tenantId`,
  ],
  'Microsoft.KeyVault/vaults/secrets': [[1, 1, 1], 'contentType value'],
  'Microsoft.ManagedIdentity/userAssignedIdentities': [[1, 1, 1], ''],
  'Microsoft.Network/privateDnsZones': [[0, 0, 2], ''],
  'Microsoft.Network/privateDnsZones/virtualNetworkLinks': [[0, 0, 2], 'registrationEnabled virtualNetwork.id'],
  'Microsoft.Network/privateEndpoints': [
    [0, 0, 2],
    `privateLinkServiceConnections.name privateLinkServiceConnections.properties.groupIds
     privateLinkServiceConnections.properties.privateLinkServiceId subnet.id`,
  ],
  'Microsoft.Network/privateEndpoints/privateDnsZoneGroups': [
    [0, 0, 2],
    'privateDnsZoneConfigs.name privateDnsZoneConfigs.properties.privateDnsZoneId',
  ],
  'Microsoft.Network/virtualNetworks': [
    [0, 0, 1],
    `addressSpace.addressPrefixes subnets.name subnets.properties.addressPrefix
     subnets.properties.delegations.name subnets.properties.delegations.properties.serviceName
     subnets.properties.privateEndpointNetworkPolicies`,
  ],
  'Microsoft.OperationalInsights/workspaces': [
    [1, 1, 1],
    'features.disableLocalAuth retentionInDays sku.name workspaceCapping.dailyQuotaGb',
  ],
  'Microsoft.OperationalInsights/workspaces/savedSearches': [[5, 5, 5], 'category displayName etag query'],
  'Microsoft.Resources/resourceGroups': [[1, 1, 1], ''],
  'Microsoft.Storage/storageAccounts': [
    [1, 1, 1],
    `allowBlobPublicAccess allowCrossTenantReplication allowSharedKeyAccess defaultToOAuthAuthentication kind
     minimumTlsVersion networkAcls.bypass networkAcls.defaultAction publicNetworkAccess sku.name
     supportsHttpsTrafficOnly`,
  ],
  'Microsoft.Storage/storageAccounts/blobServices': [
    [1, 1, 1],
    `containerDeleteRetentionPolicy.days containerDeleteRetentionPolicy.enabled deleteRetentionPolicy.days
     deleteRetentionPolicy.enabled`,
  ],
  'Microsoft.Storage/storageAccounts/blobServices/containers': [[1, 1, 1], ''],
  'Microsoft.Storage/storageAccounts/tableServices': [[1, 1, 1], ''],
  'Microsoft.Web/serverfarms': [[1, 1, 1], 'kind reserved sku.name sku.tier'],
  'Microsoft.Web/sites': [
    [1, 1, 1],
    `functionAppConfig.deployment.storage.authentication.type
     functionAppConfig.deployment.storage.authentication.userAssignedIdentityResourceId
     functionAppConfig.deployment.storage.type functionAppConfig.deployment.storage.value
     functionAppConfig.runtime.name functionAppConfig.runtime.version
     functionAppConfig.scaleAndConcurrency.alwaysReady.instanceCount
     functionAppConfig.scaleAndConcurrency.alwaysReady.name
     functionAppConfig.scaleAndConcurrency.instanceMemoryMB
     functionAppConfig.scaleAndConcurrency.maximumInstanceCount
     functionAppConfig.scaleAndConcurrency.triggers.http.perInstanceConcurrency httpsOnly identity.type
     identity.userAssignedIdentities keyVaultReferenceIdentity kind publicNetworkAccess serverFarmId
     siteConfig.appSettings.name siteConfig.appSettings.value siteConfig.cors.allowedOrigins
     siteConfig.minTlsVersion siteConfig.scmMinTlsVersion virtualNetworkSubnetId`,
  ],
  'Microsoft.Web/sites/basicPublishingCredentialsPolicies': [[2, 2, 2], 'allow'],
};

/** What every resource has, and what has names of its own for members. */
const NOT_LOOKED_INTO = ['id', 'type', 'name', 'apiVersion', 'location', 'tags', 'identity.userAssignedIdentities'];

export const extentRules = [
  rule('there are no other resources', ({ scenario, ...deployment }, must) => {
    const types = [...new Set([...Object.keys(EXTENT), ...deployment.resources.map(({ type }) => type)])];
    for (const type of types) {
      const expected = EXTENT[type]?.[0][SCENARIOS.indexOf(scenario)] ?? 0;
      must.be(`how many ${type}`, ofType({ scenario, ...deployment }, type).length, expected);
    }
  }),

  rule('nothing else is set of any', ({ resources }, must) => {
    for (const { type, ...resource } of resources) {
      const known = EXTENT[type]?.[1].split(/\s+/) ?? [];
      const strange = membersOf(resource).filter((member) => !known.includes(member.replace(/^properties\./, '')));
      must.be(`of ${type}, members that nobody thought of`, [...new Set(strange)], []);
    }
  }),
];

/** The paths to all values, whatever the place in a list. */
function membersOf(value: Json, path = ''): string[] {
  if (NOT_LOOKED_INTO.includes(path)) return [];
  if (Array.isArray(value)) return value.flatMap((item) => membersOf(item, path));
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, item]) => membersOf(item, path === '' ? name : `${path}.${name}`));
}
