metadata name = 'Card backend'
metadata description = 'A resource group with a function app that answers only callers with a valid card token, and all that it needs.'

targetScope = 'subscription'

import { isGroupName } from 'checks.bicep'
import { api, scale } from 'types.bicep'

@description('What tells this deployment from others, such as `dev` or `production`. Names the resource group and tags everything.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('The region of everything: one that has Flex Consumption.')
@metadata({ azd: { type: 'location' } })
param location string

@description('The name of the resource group, which is made.')
@minLength(1)
@maxLength(90)
param resourceGroupName string = 'rg-${environmentName}'

@description('Tags of your own, for every resource.')
param tags { *: string } = {}

@description('The address of the identity service: https.')
param identityBaseUrl api.identityBaseUrl

@description('The cards that may use the API: a comma list of their actionPackageIds.')
param allowedCardIds api.allowedCardIds

@description('The origins of the web pages that may call the API, such as `https://cards.example`. `*` is refused.')
param allowedOrigins api.allowedOrigins = []

@description('How long a verdict on a token may be cached, in seconds.')
param tokenCacheTtlSeconds api.tokenCacheTtlSeconds = 1800

@description('How long one attempt at the identity service may take, in milliseconds.')
param identityTimeoutMs api.identityTimeoutMs = 1200

@description('The Node.js version of the app. `.nvmrc` names the same one for everything else.')
param nodeVersion scale.nodeVersion = '24'

@description('The memory of one instance, in MB. Its share of a processor grows with it.')
param instanceMemoryMB scale.instanceMemoryMB = 2048

@description('The most instances that may run at a time.')
param maximumInstanceCount scale.maximumInstanceCount = 40

@description('Instances for HTTP that run, and cost, all the time. With 0, the first request after a pause waits for a start.')
param alwaysReadyHttpInstances scale.alwaysReadyHttpInstances = 0

@description('How many HTTP requests one instance serves at a time.')
param httpConcurrency scale.httpConcurrency = 100

@description('How much log a day the workspace takes before it stops until the next day, in GB.')
@minValue(1)
param logDailyCapGb int = 1

@description('Who gets mail from the alerts. Empty: they show in the portal only.')
param alertEmail string = ''

@description('Whether the storage can be reached only through private endpoints in a virtual network.')
param privateNetwork bool = false

@description('Whether nobody can purge the vault before its 7 days are over: then `azd down --purge` cannot, either.')
param vaultPurgeProtection bool = false

var region = toLower(replace(location, ' ', ''))
var checkedGroupName = isGroupName(resourceGroupName)
  ? resourceGroupName
  : fail('environmentName and resourceGroupName may have letters, digits and -_.() and must not end with a dot: ${resourceGroupName}')

resource resourceGroup 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: checkedGroupName
  location: region
  tags: union(tags, { 'azd-env-name': environmentName })
}

module resources 'resources.bicep' = {
  scope: resourceGroup
  params: {
    environmentName: environmentName
    location: region
    tags: tags
    api: {
      identityBaseUrl: identityBaseUrl
      allowedCardIds: allowedCardIds
      allowedOrigins: allowedOrigins
      tokenCacheTtlSeconds: tokenCacheTtlSeconds
      identityTimeoutMs: identityTimeoutMs
    }
    scale: {
      nodeVersion: nodeVersion
      instanceMemoryMB: instanceMemoryMB
      maximumInstanceCount: maximumInstanceCount
      alwaysReadyHttpInstances: alwaysReadyHttpInstances
      httpConcurrency: httpConcurrency
    }
    logDailyCapGb: logDailyCapGb
    alertEmail: alertEmail
    privateNetwork: privateNetwork
    vaultPurgeProtection: vaultPurgeProtection
  }
}

@description('The region of everything.')
output AZURE_LOCATION string = region

@description('The resource group.')
output AZURE_RESOURCE_GROUP string = resourceGroup.name

@description('The function app: where the package goes.')
output AZURE_FUNCTION_APP_NAME string = resources.outputs.functionAppName

@description('The vault with the cache secret.')
output AZURE_KEY_VAULT_NAME string = resources.outputs.keyVaultName

@description('Where the API is served.')
output API_URL string = resources.outputs.apiUrl
