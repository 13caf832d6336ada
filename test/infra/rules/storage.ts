/** The storage account and the vault: hardened, with what the app looks for in them. */
import { only, rule } from '../rule';
import { moduleNamed } from '../template';

export const storageRules = [
  rule('the storage account has no keys, no public blobs and no old TLS', (deployment, must) => {
    const account = only(deployment, 'Microsoft.Storage/storageAccounts');
    must.be('its kind', account.kind, 'StorageV2');
    must.be('its SKU', account.sku, { name: 'Standard_LRS' });
    const { properties } = account;
    must.be('allowSharedKeyAccess', properties.allowSharedKeyAccess, false);
    must.be('defaultToOAuthAuthentication', properties.defaultToOAuthAuthentication, true);
    must.be('allowBlobPublicAccess', properties.allowBlobPublicAccess, false);
    must.be('allowCrossTenantReplication', properties.allowCrossTenantReplication, false);
    must.be('minimumTlsVersion', properties.minimumTlsVersion, 'TLS1_2');
    must.be('supportsHttpsTrafficOnly', properties.supportsHttpsTrafficOnly, true);
  }),

  rule('nobody reads the packages without a role', (deployment, must) => {
    const { properties } = only(deployment, 'Microsoft.Storage/storageAccounts/blobServices/containers');
    must.be('publicAccess', properties?.publicAccess ?? 'None', 'None');
  }),

  rule('what is deleted there can be brought back for a week', (deployment, must) => {
    const { properties } = only(deployment, 'Microsoft.Storage/storageAccounts/blobServices');
    for (const policy of ['deleteRetentionPolicy', 'containerDeleteRetentionPolicy']) {
      must.be(policy, properties[policy], { enabled: true, days: 7 });
    }
  }),

  rule('nobody opens the vault but by a role', (deployment, must) => {
    const { properties } = only(deployment, 'Microsoft.KeyVault/vaults');
    must.be('enableRbacAuthorization', properties.enableRbacAuthorization, true);
    must.be('accessPolicies', properties.accessPolicies, undefined);
    must.be('its SKU', properties.sku, { family: 'A', name: 'standard' });
    must.be('its tenant', properties.tenantId, '00000000-0000-0000-0000-000000000000');
    must.be('enableSoftDelete', properties.enableSoftDelete, true);
    must.be('softDeleteRetentionInDays', properties.softDeleteRetentionInDays, 7);
    // Azure refuses false.
    const purge = deployment.scenario === 'everything' ? true : null;
    must.be('enablePurgeProtection', properties.enablePurgeProtection, purge);
    // A reference from Flex Consumption comes from outside of any network of ours.
    must.be('publicNetworkAccess', properties.publicNetworkAccess, 'Enabled');
  }),

  rule('the cache secret is random, and made only once', ({ template }, must) => {
    const { template: vault, resources } = moduleNamed(template, 'vault');
    const secrets = Object.values(resources).filter(({ type }) => type === 'Microsoft.KeyVault/vaults/secrets');
    must.be('how many secrets', secrets.length, 1);
    must.be('its options', secrets[0]?.['@options'], { onlyIfNotExists: [] });
    must.be('its value', secrets[0]?.properties.value, "[parameters('tokenCacheSecret')]");
    const { type, defaultValue } = vault.parameters.tokenCacheSecret;
    must.be('the type of the parameter', type, 'securestring');
    // A GUID has 122 random bits.
    must.be('its default', defaultValue, "[format('{0}{1}', newGuid(), newGuid())]");
    const given = moduleNamed(template, 'resources').resources.vault?.properties.parameters;
    must.hold('nobody may give it another value', !('tokenCacheSecret' in given));
  }),
];
