/** The function app: what Flex Consumption takes, what it must not be given, and what an open door would be. */
import { readConfig } from '../../../shared/config';
import type { Deployment } from '../deployment';
import { ofType, only, rule, runtimeValue } from '../rule';

/** What the platform and the host read; all others are the app's, by shared/config.ts. */
const PLATFORM_SETTINGS = ['APPLICATIONINSIGHTS_CONNECTION_STRING', 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'];

const NEVER_ON_FLEX =
  /^(FUNCTIONS_WORKER_RUNTIME|FUNCTIONS_EXTENSION_VERSION|WEBSITE_RUN_FROM_PACKAGE|SCM_DO_BUILD_DURING_DEPLOYMENT|ENABLE_ORYX_BUILD|WEBSITE_CONTENT.*|WEBSITE_NODE_DEFAULT_VERSION|WEBSITE_TIME_ZONE)$/i;

/** Azure refuses each on a Flex site, in newer regions with the error 51021. */
const SITE_CONFIG_NEVER_ON_FLEX = [
  'alwaysOn',
  'ftpsState',
  'functionAppScaleLimit',
  'functionsRuntimeScaleMonitoringEnabled',
  'linuxFxVersion',
  'nodeVersion',
  'preWarmedInstanceCount',
  'use32BitWorkerProcess',
];

function settingsOf(deployment: Deployment): Record<string, string> {
  const list: { name: string; value: string }[] = only(deployment, 'Microsoft.Web/sites').properties.siteConfig
    .appSettings;
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}

function settingNamesOf(deployment: Deployment): string[] {
  const { appSettings } = only(deployment, 'Microsoft.Web/sites').properties.siteConfig;
  return appSettings.map(({ name }: { name: string }) => name);
}

/** A reference to the vault, as Azure resolves it. */
const VAULT_REFERENCE = /^@Microsoft\.KeyVault\(VaultName=([^;]+);SecretName=([^)]+)\)$/;

export const appRules = [
  rule('the plan is Flex Consumption on Linux', (deployment, must) => {
    const plan = only(deployment, 'Microsoft.Web/serverfarms');
    must.be('its SKU and kind', [plan.sku, plan.kind], [{ name: 'FC1', tier: 'FlexConsumption' }, 'functionapp']);
    must.be('reserved', plan.properties.reserved, true);
    const app = only(deployment, 'Microsoft.Web/sites');
    must.be('the kind of the app', app.kind, 'functionapp,linux');
    // Older ones know nothing of functionAppConfig, or let parts of it fall.
    must.be('their API', [plan.apiVersion, app.apiVersion], ['2025-03-01', '2025-03-01']);
    must.be('its plan', app.properties.serverFarmId, plan.id);
  }),

  rule('the runtime and the scale are ones that Flex Consumption has', (deployment, must) => {
    const { runtime, scaleAndConcurrency } = only(deployment, 'Microsoft.Web/sites').properties.functionAppConfig;
    const { instanceMemoryMB, maximumInstanceCount, alwaysReady, triggers } = scaleAndConcurrency;
    must.be('the runtime', runtime.name, 'node');
    must.hold(`Node ${runtime.version} must be supported`, ['22', '24'].includes(runtime.version));
    must.hold(`${instanceMemoryMB} MB must exist`, [512, 2048, 4096].includes(instanceMemoryMB));
    must.hold(
      `${maximumInstanceCount} instances must be 40 to 1000`,
      maximumInstanceCount >= 40 && maximumInstanceCount <= 1000,
    );
    for (const { name, instanceCount } of alwaysReady) {
      must.be('what is always ready', name, 'http');
      must.hold('always ready must be within the maximum', instanceCount > 0 && instanceCount <= maximumInstanceCount);
    }
    const { perInstanceConcurrency } = triggers.http;
    must.hold('HTTP concurrency must be 1 to 1000', perInstanceConcurrency >= 1 && perInstanceConcurrency <= 1000);
  }),

  rule('nothing is set that Flex Consumption refuses', (deployment, must) => {
    const { siteConfig } = only(deployment, 'Microsoft.Web/sites').properties;
    const refused = Object.keys(siteConfig).filter((name) => SITE_CONFIG_NEVER_ON_FLEX.includes(name));
    must.be('refused in siteConfig', refused, []);
    const settings = Object.keys(settingsOf(deployment)).filter((name) => NEVER_ON_FLEX.test(name));
    must.be('refused settings', settings, []);
  }),

  rule('the package comes from a container that exists, by the identity', (deployment, must) => {
    const storage = only(deployment, 'Microsoft.Storage/storageAccounts');
    const identity = only(deployment, 'Microsoft.ManagedIdentity/userAssignedIdentities');
    const [, , container] = only(deployment, 'Microsoft.Storage/storageAccounts/blobServices/containers').name.split(
      '/',
    );
    const { deployment: from } = only(deployment, 'Microsoft.Web/sites').properties.functionAppConfig;
    must.be('the deployment storage', from.storage, {
      type: 'blobContainer',
      value: `[format('{0}${container}', ${runtimeValue(storage, 'primaryEndpoints.blob')})]`,
      authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.id },
    });
  }),

  rule('no door is open that need not be', (deployment, must) => {
    const { httpsOnly, publicNetworkAccess, siteConfig } = only(deployment, 'Microsoft.Web/sites').properties;
    must.be('httpsOnly', httpsOnly, true);
    // Cards call from anywhere; the token is what lets them in.
    must.be('publicNetworkAccess', publicNetworkAccess, 'Enabled');
    for (const name of ['minTlsVersion', 'scmMinTlsVersion']) {
      must.hold(`${name} must be 1.2 or 1.3`, ['1.2', '1.3'].includes(siteConfig[name]));
    }
    const publishing = ofType(deployment, 'Microsoft.Web/sites/basicPublishingCredentialsPolicies');
    must.be(
      'basic publishing authentication',
      publishing.map(({ name, properties }) => [name.split('/').at(-1), properties.allow]).sort(),
      [
        ['ftp', false],
        ['scm', false],
      ],
    );
  }),

  rule('CORS names each origin, and never every one', ({ scenario, ...deployment }, must) => {
    const { cors } = only({ scenario, ...deployment }, 'Microsoft.Web/sites').properties.siteConfig;
    const asked = scenario === 'everything' ? ['https://cards.example', 'http://localhost:5173'] : [];
    must.be('the origins', cors.allowedOrigins, asked);
    must.hold('credentials must stay off', cors.supportCredentials !== true);
  }),

  rule('the settings are those that the code and the platform read, and the code takes them', (deployment, must) => {
    const settings = settingsOf(deployment);
    const names = settingNamesOf(deployment);
    must.be('settings that are given twice', names.length - new Set(names).size, 0);
    for (const name of PLATFORM_SETTINGS) must.hold(`${name} must be set`, name in settings);
    const asked = new Set<string>();
    const resolved = { ...settings, TOKEN_CACHE_SECRET: 'x'.repeat(72) };
    const watched = new Proxy(resolved as Record<string, string>, {
      get: (target, name) => {
        asked.add(String(name));
        return Reflect.get(target, name);
      },
    });
    const config = readConfig(watched);
    must.be('where the tables are', config.storage.kind, 'managed-identity');
    const unread = Object.keys(settings).filter((name) => !asked.has(name) && !PLATFORM_SETTINGS.includes(name));
    must.be('settings that nothing reads', unread, []);
    const optional = /^AzureWebJobsStorage|_proxy$/i;
    const withoutDefault = [...asked].filter((name) => !(name in settings) && !optional.test(name));
    must.be('settings that are not set', withoutDefault, []);
  }),

  rule('the settings say what was asked for', ({ scenario, ...rest }, must) => {
    const settings = settingsOf({ scenario, ...rest });
    const everything = scenario === 'everything';
    const url = everything ? 'https://identity.example:8443/kaizala' : 'https://identity.example';
    must.be('IDENTITY_BASE_URL', settings.IDENTITY_BASE_URL, url);
    must.be('ALLOWED_CARD_IDS', settings.ALLOWED_CARD_IDS, everything ? 'card-orders,card-visits' : 'card-orders');
    must.be('TOKEN_CACHE_TTL_SECONDS', settings.TOKEN_CACHE_TTL_SECONDS, everything ? '600' : '1800');
    must.be('IDENTITY_TIMEOUT_MS', settings.IDENTITY_TIMEOUT_MS, everything ? '2000' : '1200');
  }),

  rule('storage and telemetry are reached by the client id of the identity, without keys', (deployment, must) => {
    const settings = settingsOf(deployment);
    const identity = only(deployment, 'Microsoft.ManagedIdentity/userAssignedIdentities');
    const clientId = runtimeValue(identity, 'clientId');
    must.be(
      'accountName',
      settings.AzureWebJobsStorage__accountName,
      only(deployment, 'Microsoft.Storage/storageAccounts').name,
    );
    must.be('credential', settings.AzureWebJobsStorage__credential, 'managedidentity');
    must.be('clientId', settings.AzureWebJobsStorage__clientId, `[${clientId}]`);
    const insights = only(deployment, 'Microsoft.Insights/components');
    must.be(
      'the connection string',
      settings.APPLICATIONINSIGHTS_CONNECTION_STRING,
      `[${runtimeValue(insights, 'ConnectionString')}]`,
    );
    must.be(
      'its authentication',
      settings.APPLICATIONINSIGHTS_AUTHENTICATION_STRING,
      `[format('ClientId={0};Authorization=AAD', ${clientId})]`,
    );
  }),

  rule('the cache secret is a reference to the secret in the vault, and no secret is in clear', (deployment, must) => {
    const settings = settingsOf(deployment);
    const [, vault, secret] = VAULT_REFERENCE.exec(settings.TOKEN_CACHE_SECRET ?? '') ?? [];
    must.be('the reference', `${vault}/${secret}`, only(deployment, 'Microsoft.KeyVault/vaults/secrets').name);
    const text = JSON.stringify(deployment.resources.map(({ properties }) => properties));
    must.hold('no key may be listed', !/listKeys|listAccountSas|AccountKey=|SharedAccessKey=|sig=/i.test(text));
  }),
];
