/** Faults that break real deployments, or open what ought to be closed: one edit each. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are Bicep's placeholders

export interface Mutation {
  /** What is wrong after the edit. */
  readonly name: string;
  readonly file: string;
  /** Stands in the file exactly once, unless `nth` says which of several is meant, counted from 1. */
  readonly find: string;
  readonly replace: string;
  readonly nth?: number;
}

type Edit = readonly [name: string, find: string, replace: string, nth?: number];

export const mutations: readonly Mutation[] = [
  ...inFile('infra/main.bicep', [
    ['the resource group has no tag for azd', "tags: union(tags, { 'azd-env-name': environmentName })", 'tags: tags'],
    [
      'the app is deployed to a region that is written down',
      'environmentName: environmentName\n    location: region',
      "environmentName: environmentName\n    location: 'westeurope'",
    ],
    ['the private network is never made', 'privateNetwork: privateNetwork', 'privateNetwork: false'],
    ['the private network is the default', 'param privateNetwork bool = false', 'param privateNetwork bool = true'],
    [
      'the settings swap two numbers',
      'tokenCacheTtlSeconds: tokenCacheTtlSeconds',
      'tokenCacheTtlSeconds: identityTimeoutMs',
    ],
    [
      'the identity service has a default address',
      'param identityBaseUrl api.identityBaseUrl',
      "param identityBaseUrl api.identityBaseUrl = 'https://identity.example'",
    ],
    ['the output of the app names the vault', 'resources.outputs.functionAppName', 'resources.outputs.keyVaultName'],
    ['azd does not find an output', 'output AZURE_FUNCTION_APP_NAME', 'output FUNCTION_APP_NAME'],
    ['an output does not exist in the module', 'resources.outputs.apiUrl', 'resources.outputs.url'],
    ['Node 20 is the default', "= '24'", "= '20'"],
    [
      'a parameter has another default',
      'param maximumInstanceCount scale.maximumInstanceCount = 40',
      'param maximumInstanceCount scale.maximumInstanceCount = 100',
    ],
    ['the API version of the resource group is unknown', 'resourceGroups@2025-04-01', 'resourceGroups@2025-04-31'],
    [
      'the log cap may be 0, which stops all logs',
      '@minValue(1)\nparam logDailyCapGb',
      '@minValue(0)\nparam logDailyCapGb',
    ],
  ]),
  ...inFile('infra/main.bicepparam', [
    ['the cards come from another variable', "'ALLOWED_CARD_IDS'", "'IDENTITY_BASE_URL'"],
    ['azd does not set the variable of the environment', "'AZURE_ENV_NAME'", "'AZURE_ENVIRONMENT'"],
    ['an empty origin is left in', 'origin => !empty(origin)', 'origin => true'],
    [
      'the mail address is not passed on',
      "param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')",
      "param alertEmail = ''",
    ],
  ]),
  ...inFile('infra/resources.bicepparam', [
    ['a group that exists gets another Node', "nodeVersion: '24'", "nodeVersion: '22'"],
    ['a group that exists gets other cards', "'ALLOWED_CARD_IDS'", "'IDENTITY_BASE_URL'"],
    ['a group that exists caches for a second', 'tokenCacheTtlSeconds: 1800', 'tokenCacheTtlSeconds: 1'],
  ]),
  ...inFile('infra/types.bicep', [
    ['Node 20 may be chosen', "'22' | '24'", "'20' | '22' | '24'"],
    ['1024 MB may be chosen', '512 | 2048 | 4096', '512 | 1024 | 2048 | 4096'],
    ['a verdict may live for an hour', '@maxValue(1800)', '@maxValue(3600)'],
    ['an attempt at the identity service may take 30 seconds', '@maxValue(2500)', '@maxValue(30000)'],
    ['fewer instances than Flex Consumption takes may be chosen', '@minValue(40)', '@minValue(1)'],
  ]),
  ...inFile('infra/checks.bicep', [
    ['the identity service may be asked over http', "'https://') && isHost(toLower", "'http') && isHost(toLower"],
    ['an address may have a query', "'?#<>\\\\ '", "'#<>\\\\ '"],
    ['an address may have no host', "!empty(split(text, ':')[0]) && ", ''],
    ['a port may be letters', 'hasOnly(text, digits)', 'true'],
    ['an origin may be any over http', "'http://localhost:'", "'http://'"],
    ['an origin may have a path', "length(split(text, '/')) == 3 && ", ''],
    ['an origin may name the default port', " && !endsWith(text, ':443')", ''],
    ['several mail addresses are taken for one', "' ,;<>'", "'<>'"],
    ['the name of a group may end with a dot', " && !endsWith(text, '.')", ''],
  ]),
  ...inFile('infra/resources.bicep', [
    ['the identity service may be asked at any address', 'isHttpsAddress(identityBaseUrl)', '!empty(identityBaseUrl)'],
    ['no card need be allowed', 'empty(cardIds) ||', 'empty(api.allowedCardIds) ||'],
    ['card ids in quotes are taken', 'id => !hasNone(id, ', "id => !hasNone('', "],
    ['the origin * is taken', 'origin => !isOrigin(origin)', 'origin => false'],
    ['the tags of the owner are not set', 'union(tags, {', 'union({}, {'],
    [
      'more instances may be always ready than there may be',
      'scale.alwaysReadyHttpInstances <= scale.maximumInstanceCount',
      'scale.alwaysReadyHttpInstances <= 1000',
    ],
    [
      'a region without Flex Consumption is taken',
      "contains(loadJsonContent('flex-regions.json'), region)",
      'length(location) > 0',
    ],
    [
      'a group that exists gets a private network',
      'param privateNetwork bool = false',
      'param privateNetwork bool = true',
    ],
    ['the unchecked origins are used', 'allowedOrigins: checkedOrigins', 'allowedOrigins: api.allowedOrigins'],
    ['the name of the storage account has a hyphen', "'st${suffix}'", "'st-${suffix}'"],
    ['the name of the vault is too long', "'kv-${suffix}'", "'kv-card-backend-${suffix}'"],
    ['the name of the storage account is not unique', "'st${suffix}'", "'stcardbackend'"],
    [
      'two environments in a subscription share their names',
      'uniqueString(resourceGroup().id, environmentName)',
      'uniqueString(subscription().id)',
    ],
    [
      'names change with each deployment',
      'uniqueString(resourceGroup().id, environmentName)',
      'uniqueString(deployment().name)',
    ],
    [
      'the app does not wait for its roles on the storage',
      'dependsOn: [identity, monitoring, storage, vault, network]',
      'dependsOn: [identity, monitoring, vault, network]',
    ],
    [
      'the app does not wait for the secret',
      'dependsOn: [identity, monitoring, storage, vault, network]',
      'dependsOn: [identity, monitoring, storage, network]',
    ],
    [
      'the app does not wait for the network',
      'dependsOn: [identity, monitoring, storage, vault, network]',
      'dependsOn: [identity, monitoring, storage, vault]',
    ],
    ['the storage does not wait for the workspace', 'dependsOn: [identity, monitoring]', 'dependsOn: [identity]', 1],
    ['nothing waits for the identity', '  dependsOn: [identity]\n', ''],
    ['the alerts do not wait for what they watch', '  dependsOn: [monitoring]\n', ''],
    ['the vault is never protected from a purge', 'purgeProtection: vaultPurgeProtection', 'purgeProtection: false'],
    [
      'the identity is in another region',
      'name: names.identity\n  location: checkedLocation',
      "name: names.identity\n  location: 'global'",
    ],
    ['the mail address is not checked', 'email: checkedEmail', 'email: alertEmail'],
  ]),
  ...inFile('infra/modules/storage.bicep', [
    ['the storage account has keys', 'allowSharedKeyAccess: false', 'allowSharedKeyAccess: true'],
    ['the storage account says nothing of keys, which allows them', '    allowSharedKeyAccess: false\n', ''],
    ['blobs can be public', 'allowBlobPublicAccess: false', 'allowBlobPublicAccess: true'],
    [
      'the package can be read by anybody',
      "parent: blobs\n  name: 'packages'",
      "parent: blobs\n  name: 'packages'\n  properties: { publicAccess: 'Blob' }",
    ],
    ['the storage account speaks TLS 1.0', "'TLS1_2'", "'TLS1_0'"],
    ['the storage account speaks a TLS that does not exist', "'TLS1_2'", "'TLS1_4'"],
    ['the storage account speaks http', 'supportsHttpsTrafficOnly: true', 'supportsHttpsTrafficOnly: false'],
    ['the SKU does not exist', "'Standard_LRS'", "'Standard_LRZ'"],
    ['the kind has no tables', "'StorageV2'", "'BlobStorage'"],
    ['a property is misspelt', 'allowBlobPublicAccess:', 'allowBlobsPublicAccess:'],
    ['the private storage is public', "privateNetwork ? 'Disabled' : 'Enabled'", "'Enabled'"],
    ['the private storage allows every network', "privateNetwork ? 'Deny' : 'Allow'", "'Allow'"],
    ['the public storage is closed', "privateNetwork ? 'Deny' : 'Allow'", "'Deny'"],
    [
      'the role for blobs is only to read',
      'b7e6dc6d-f1e8-4753-8033-0f276bb0955b',
      '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1',
    ],
    [
      'the id of the role for tables has a slip',
      '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3',
      '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa4',
    ],
    ['there is no role for tables', '[blobDataOwner, tableDataContributor]', '[blobDataOwner]'],
    [
      'the roles are on the blobs alone',
      'scope: account\n    properties: {\n      roleDefinitionId',
      'scope: blobs\n    properties: {\n      roleDefinitionId',
    ],
    ['the roles are for the client id', 'identity.properties.principalId', 'identity.properties.clientId'],
    ['the roles are for a user', "'ServicePrincipal'", "'User'"],
    ['both roles have one name', 'guid(account.id, identity.id, role)', 'guid(account.id, identity.id)'],
    [
      'the name of a role assignment is known only at run time',
      'guid(account.id, identity.id, role)',
      'guid(account.id, identity.properties.principalId, role)',
    ],
    [
      "a feature's table is named here",
      '// On the whole account',
      "resource table 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-08-01' = {\n  parent: tables\n  name: 'visits'\n}\n\n// On the whole account",
    ],
    ['there is no container for the package', "name: 'packages'", "name: 'package'"],
    [
      'deleted blobs are gone',
      'deleteRetentionPolicy: { enabled: true, days: 7 }',
      'deleteRetentionPolicy: { enabled: false }',
      1,
    ],
    ['a log category does not exist', "'StorageWrite'", "'BlobWrite'"],
    ['a log category belongs to the level below', "'Transaction'", "'AllMetrics'"],
    ['the storage account is not tagged', '  tags: tags\n', ''],
  ]),
  ...inFile('infra/modules/storage.bicep', [
    [
      'a role cannot be given to an identity that is made anew',
      'guid(account.id, identity.id, role)',
      'guid(account.id, role)',
    ],
  ]),
  ...inFile('infra/modules/monitoring.bicep', [
    ['queries are saved all at a time, which is a conflict', '@batchSize(1)\n', ''],
  ]),
  ...inFile('infra/modules/network.bicep', [
    ['the endpoints have too few addresses', "'10.0.0.64/27'", "'10.0.0.64/30'"],
    ['a subnet begins between two', "'10.0.0.64/27'", "'10.0.0.68/27'"],
    ['the record of an endpoint has no name', 'Configs: [{ name: service', "Configs: [{ name: ''"],
  ]),
  ...inFile('infra/modules/app.bicep', [
    ['the API is older than Flex Consumption', 'serverfarms@2025-03-01', 'serverfarms@2018-02-01'],
    [
      'the API of the app is another',
      "resource app 'Microsoft.Web/sites@2025-03-01'",
      "resource app 'Microsoft.Web/sites@2023-12-01'",
    ],
    ['the plan is for Windows', "kind: 'functionapp'\n", "kind: 'windows'\n"],
  ]),
  ...inFile('infra/modules/alerts.bicep', [
    ['an alert stays on when all is well', 'autoMitigate: true', 'autoMitigate: false', 1],
    [
      'one slow failure is an alert',
      "operator: 'Include', values: ['200', '201']",
      "operator: 'Exclude', values: ['0']",
    ],
  ]),
  ...inFile('infra/modules/vault.bicep', [
    ['the secret is another one at every deployment', '@onlyIfNotExists()\n', ''],
    ['the secret can be guessed', "'${newGuid()}${newGuid()}'", 'uniqueString(resourceGroup().id)'],
    ['the secret is in the history of deployments', '@secure()\n', ''],
    [
      'the vault asks access policies, of which there are none',
      'enableRbacAuthorization: true',
      'enableRbacAuthorization: false',
    ],
    ['soft delete is off', 'enableSoftDelete: true', 'enableSoftDelete: false'],
    ['purge protection is false, which Azure refuses', 'purgeProtection ? true : null', 'purgeProtection'],
    ['the app cannot reach the vault', "publicNetworkAccess: 'Enabled'", "publicNetworkAccess: 'Disabled'"],
    [
      'the role for the vault is only to see that it is there',
      '4633458b-17de-408a-b874-0445c86b69e6',
      '21090545-7ca7-4776-b22c-e363652d74d2',
    ],
    ['the role is on the whole resource group', '  scope: secret\n', ''],
    ['the secret has another name than the setting asks for', "name: 'token-cache-secret'", "name: 'token-secret'"],
    ['the role for the secret is for the client id', 'identity.properties.principalId', 'identity.properties.clientId'],
  ]),
  ...inFile('infra/modules/app.bicep', [
    ['the plan is another', "name: 'FC1', tier: 'FlexConsumption'", "name: 'Y1', tier: 'Dynamic'"],
    ['the plan is for Windows', 'reserved: true', 'reserved: false'],
    ['the app is a web app', "kind: 'functionapp,linux'", "kind: 'app,linux'"],
    ['azd does not find the service', "'azd-service-name': 'api'", "'azd-service-name': 'app'"],
    ['the app speaks http', 'httpsOnly: true', 'httpsOnly: false'],
    ['the app speaks TLS 1.0', "minTlsVersion: '1.2'", "minTlsVersion: '1.0'", 1],
    ['the deployment site speaks TLS 1.0', "scmMinTlsVersion: '1.2'", "scmMinTlsVersion: '1.0'"],
    ['basic authentication over FTP is on', 'properties: { allow: false }', 'properties: { allow: true }', 1],
    [
      'basic authentication of the deployment site is on',
      'properties: { allow: false }',
      'properties: { allow: true }',
      2,
    ],
    [
      'the system-assigned identity has no roles',
      "type: 'UserAssigned'\n    userAssignedIdentities: { '${identity.id}': {} }",
      "type: 'SystemAssigned'",
    ],
    [
      'vault references are resolved by an identity that is not there',
      '    keyVaultReferenceIdentity: identity.id\n',
      '',
    ],
    ['the vault reference asks for another secret', 'SecretName=token-cache-secret', 'SecretName=token-cache-key'],
    ['the vault reference has a typo that makes it a plain value', '@Microsoft.KeyVault(', '@Microsoft.KeyVaults('],
    [
      'the secret is in clear',
      "'@Microsoft.KeyVault(VaultName=${names.keyVault};SecretName=token-cache-secret)'",
      "'0123456789abcdef0123456789abcdef'",
    ],
    ['the package comes from another container', '.blob}packages', '.blob}deployments'],
    [
      'the package comes by a connection string',
      "type: 'UserAssignedIdentity'\n            userAssignedIdentityResourceId: identity.id",
      "type: 'StorageAccountConnectionString'\n            storageAccountConnectionStringName: 'AzureWebJobsStorage'",
    ],
    [
      'the package comes by the client id',
      'userAssignedIdentityResourceId: identity.id',
      'userAssignedIdentityResourceId: identity.properties.clientId',
    ],
    ['the runtime does not exist', "name: 'node'", "name: 'nodejs'"],
    ['the Node version is 20', 'version: scale.nodeVersion', "version: '20'"],
    ['the memory is 1024 MB', 'instanceMemoryMB: scale.instanceMemoryMB', 'instanceMemoryMB: 1024'],
    [
      'the number of instances is below the least',
      'maximumInstanceCount: scale.maximumInstanceCount',
      'maximumInstanceCount: 10',
    ],
    ['what is always ready does not exist', "[{ name: 'http',", "[{ name: 'https',"],
    [
      'a setting that Flex Consumption refuses',
      '      appSettings: [\n',
      "      appSettings: [\n        { name: 'FUNCTIONS_WORKER_RUNTIME', value: 'node' }\n",
    ],
    [
      'a setting that runs another package',
      '      appSettings: [\n',
      "      appSettings: [\n        { name: 'WEBSITE_RUN_FROM_PACKAGE', value: '1' }\n",
    ],
    [
      'a site property that Flex Consumption refuses',
      '    siteConfig: {\n',
      '    siteConfig: {\n      alwaysOn: true\n',
    ],
    ['a required setting is missing', "        { name: 'ALLOWED_CARD_IDS', value: api.allowedCardIds }\n", ''],
    ['a setting is misspelt', "'TOKEN_CACHE_TTL_SECONDS'", "'TOKEN_CACHE_TTL'"],
    [
      'a setting has the value of another',
      "'IDENTITY_TIMEOUT_MS', value: string(api.identityTimeoutMs)",
      "'IDENTITY_TIMEOUT_MS', value: string(api.tokenCacheTtlSeconds)",
    ],
    [
      'the storage is reached by a key',
      "{ name: 'AzureWebJobsStorage__accountName', value: names.storage }",
      "{ name: 'AzureWebJobsStorage', value: 'DefaultEndpointsProtocol=https;AccountName=${names.storage};AccountKey=${storage.listKeys().keys[0].value}' }",
    ],
    [
      'the storage is reached by the principal id',
      "'AzureWebJobsStorage__clientId', value: identity.properties.clientId",
      "'AzureWebJobsStorage__clientId', value: identity.properties.principalId",
    ],
    ['the credential does not exist', "value: 'managedidentity'", "value: 'managedIdentities'"],
    [
      'telemetry is sent by an identity that is not there',
      "'ClientId=${identity.properties.clientId};Authorization=AAD'",
      "'Authorization=AAD'",
    ],
    [
      'telemetry is sent by the principal id',
      "'ClientId=${identity.properties.clientId};",
      "'ClientId=${identity.properties.principalId};",
    ],
    [
      'any web page may call the API',
      'cors: { allowedOrigins: api.allowedOrigins }',
      "cors: { allowedOrigins: ['*'] }",
    ],
    [
      'any web page may call the API with credentials',
      'cors: { allowedOrigins: api.allowedOrigins }',
      'cors: { allowedOrigins: api.allowedOrigins, supportCredentials: true }',
    ],
    [
      'the app is not in its subnet',
      "      ? resourceId('Microsoft.Network/virtualNetworks/subnets', names.network, 'app')\n",
      '      ? null\n',
    ],
    ['the app is in the subnet of the endpoints', "names.network, 'app')", "names.network, 'endpoints')"],
    ['a diagnostic category does not exist', "'AllMetrics'", "'AllMetric'"],
    [
      'diagnostics go nowhere',
      "metrics: [{ category: 'AllMetrics', enabled: true }]",
      "metrics: [{ category: 'AllMetrics', enabled: false }]",
    ],
    [
      'the API is said to be served elsewhere',
      "'https://${app.properties.defaultHostName}'",
      "'http://${app.properties.defaultHostName}'",
    ],
  ]),
  ...inFile('infra/modules/monitoring.bicep', [
    ['telemetry is taken from anybody', 'DisableLocalAuth: true', 'DisableLocalAuth: false'],
    [
      'logs are taken from anybody with the key',
      'features: { disableLocalAuth: true }',
      'features: { disableLocalAuth: false }',
    ],
    ['logs are kept for 7 days, which this SKU refuses', 'retentionInDays: 30', 'retentionInDays: 7'],
    ['there is no daily cap', '    workspaceCapping: { dailyQuotaGb: dailyCapGb }\n', ''],
    ['the daily cap is written down', 'dailyQuotaGb: dailyCapGb', 'dailyQuotaGb: -1'],
    [
      'the role cannot publish telemetry',
      '3913510d-42f4-4e42-8a64-420c390055eb',
      '43d0d8ad-25c7-4714-9337-8ba259a9fe05',
    ],
    ['the role to publish is on the workspace', 'scope: insights', 'scope: workspace'],
    ['Application Insights has no workspace', '    WorkspaceResourceId: workspace.id\n', ''],
    [
      'a query is not saved',
      "  { name: 'breaker-state', text: loadTextContent('../queries/breaker-state.kql') }\n",
      '',
    ],
    [
      'a query is saved under the name of another',
      "{ name: 'breaker-state', text: loadTextContent('../queries/breaker-state.kql') }",
      "{ name: 'breaker-state', text: loadTextContent('../queries/upstream-calls.kql') }",
    ],
  ]),
  ...inFile('infra/modules/alerts.bicep', [
    ['the alert on failures watches what never fails for the host', "'requests/count'", "'requests/failed'"],
    ['the alert on failures needs five million', 'threshold: 5\n', 'threshold: 5000000\n', 1],
    ['two deployments in a group share an alert', "name: '${names.functionApp}-${alert.name}'", 'name: alert.name', 1],
    ['the heartbeat is missed only after a day', "'PT3H'", "'P1D'"],
    ['the heartbeat fires when there is one', "operator: 'LessThan'", "operator: 'GreaterThan'"],
    [
      'the log alerts check their queries in a workspace without tables',
      'skipQueryValidation: true',
      'skipQueryValidation: false',
    ],
    ['an alert watches a metric that does not exist', "'requests/count'", "'requests/counts'"],
    ['an alert takes an aggregation that the metric does not have', "aggregation: 'Count'", "aggregation: 'Average'"],
    ['an alert watches another namespace', "'microsoft.insights/components'", "'Microsoft.Web/sites'"],
    [
      'an alert fires when all is well',
      "operator: 'GreaterThan'\n            threshold: alert.threshold",
      "operator: 'LessThan'\n            threshold: alert.threshold",
    ],
    ['an alert fires only at seconds where there are milliseconds', 'threshold: 1000', 'threshold: 1'],
    [
      'the alert on failures counts the 4xx of callers',
      "dimensions: [{ name: 'request/resultCode', operator: 'StartsWith', values: ['5'] }]",
      'dimensions: []',
    ],
    ['the metric alerts watch the workspace', 'scopes: [insights.id]', 'scopes: [workspace.id]'],
    ['the log alert watches Application Insights', 'scopes: [workspace.id]', 'scopes: [insights.id]'],
    ['the metric alerts tell nobody', 'actions: empty(email) ? [] : [{ actionGroupId: mail.id }]', 'actions: []'],
    ['the log alert tells nobody', 'actionGroups: empty(email) ? [] : [mail.id]', 'actionGroups: []'],
    ['the action group is off', 'enabled: true', 'enabled: false', 1],
    ['the log alert is off', 'enabled: true', 'enabled: false', 3],
    [
      'the short name of the action group is too long',
      "groupShortName: 'cards'",
      "groupShortName: 'card-backend-mail'",
    ],
    ['the log alert measures a column that its query does not have', "column: 'requests'", "column: 'count_'"],
    ['the window of an alert is shorter than its frequency', "windowSize: 'PT15M'", "windowSize: 'PT1M'"],
    ['the severity does not exist', 'severity: 1\n', 'severity: 5\n', 1],
    [
      'a metric alert is in a region',
      "-${alert.name}'\n    location: 'global'",
      "-${alert.name}'\n    location: location",
    ],
  ]),
  ...inFile('infra/modules/app.bicep', [
    ['the app is off', '    httpsOnly: true', '    enabled: false\n    httpsOnly: true'],
    ['callers need a certificate', '    httpsOnly: true', '    clientCertEnabled: true\n    httpsOnly: true'],
    [
      'a language that Flex refuses is set',
      '      minTlsVersion:',
      "      netFrameworkVersion: 'v8.0'\n      minTlsVersion:",
    ],
    [
      'a setting is given twice',
      "{ name: 'IDENTITY_TIMEOUT_MS'",
      "{ name: 'IDENTITY_BASE_URL', value: api.identityBaseUrl }\n        { name: 'IDENTITY_TIMEOUT_MS'",
    ],
  ]),
  ...inFile('infra/modules/vault.bicep', [
    [
      'nobody reaches the vault',
      "    publicNetworkAccess: 'Enabled'",
      "    networkAcls: { defaultAction: 'Deny', bypass: 'None' }\n    publicNetworkAccess: 'Enabled'",
    ],
    ['the secret is off', '    contentType:', '    attributes: { enabled: false }\n    contentType:'],
    [
      'the role counts under a condition only',
      "    principalType: 'ServicePrincipal'",
      "    principalType: 'ServicePrincipal'\n    condition: '1 == 2'\n    conditionVersion: '2.0'",
    ],
  ]),
  ...inFile('infra/modules/storage.bicep', [
    [
      'the tables have another address',
      '    supportsHttpsTrafficOnly: true',
      "    supportsHttpsTrafficOnly: true\n    dnsEndpointType: 'AzureDnsZone'",
    ],
    [
      'any web page may read the blobs',
      '    deleteRetentionPolicy: {',
      "    cors: {\n      corsRules: [\n        { allowedOrigins: ['*'], allowedMethods: ['GET'], allowedHeaders: ['*'], exposedHeaders: ['*'], maxAgeInSeconds: 1 }\n      ]\n    }\n    deleteRetentionPolicy: {",
    ],
  ]),
  ...inFile('infra/modules/monitoring.bicep', [
    [
      'the second deployment of a query is a conflict',
      "      #disable-next-line BCP037 // the types do not have it; Azure does, and only here\n      etag: '*'\n",
      '',
    ],
    [
      'Application Insights takes one request in a hundred',
      '    DisableLocalAuth: true',
      '    SamplingPercentage: 1\n    DisableLocalAuth: true',
    ],
    [
      'nobody can write logs',
      '    retentionInDays: 30',
      "    publicNetworkAccessForIngestion: 'Disabled'\n    retentionInDays: 30",
    ],
  ]),
  ...inFile('infra/modules/network.bicep', [
    ['the name of the subnet has a character that Flex refuses', "name: 'app'", "name: 'app_subnet'"],
    ['the network has public addresses', "addressPrefixes: ['10.0.0.0/24']", "addressPrefixes: ['20.0.0.0/24']"],
    ['machines of the network write into the zone', 'registrationEnabled: false', 'registrationEnabled: true'],
    ['the subnet is delegated to another service', "'Microsoft.App/environments'", "'Microsoft.Web/serverFarms'"],
    ['the subnet is too small', "'10.0.0.0/26'", "'10.0.0.0/28'"],
    ['the subnets overlap', "'10.0.0.64/27'", "'10.0.0.32/27'"],
    ['the endpoint leads to a service that does not exist', 'groupIds: [service]', "groupIds: ['${service}s']"],
    ['there is no endpoint for tables', "['blob', 'table']", "['blob']"],
    ['the zone has another name', "'privatelink.${service}.", "'private.${service}."],
    [
      'the zones are not linked to the network',
      'virtualNetwork: { id: network.id }',
      'virtualNetwork: { id: network::endpointSubnet.id }',
    ],
    [
      'the names of the endpoints are all in one zone',
      'privateDnsZoneId: zones[i].id',
      'privateDnsZoneId: zones[0].id',
    ],
    [
      'the endpoints are in the subnet of the app',
      "resource endpointSubnet 'subnets' existing = {\n    name: 'endpoints'",
      "resource endpointSubnet 'subnets' existing = {\n    name: 'app'",
    ],
    [
      'a zone is in a region',
      "environment().suffixes.storage}'\n    location: 'global'",
      "environment().suffixes.storage}'\n    location: location",
    ],
  ]),
  // What a query asks for that no line has is found by queries.test.ts, on the lines of the app.
  ...inFile('infra/queries/identity-unavailable.kql', [
    ['the log alert counts in a column that it does not measure', 'requests = sum', 'failures = sum'],
  ]),
  ...inFile('infra/queries/upstream-calls.kql', [['a saved query asks another table', 'AppTraces', 'traces']]),
];

function inFile(file: string, edits: readonly Edit[]): Mutation[] {
  return edits.map(([name, find, replace, nth]) => ({ name, file, find, replace, ...(nth && { nth }) }));
}
