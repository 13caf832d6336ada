metadata name = 'Card backend, in a resource group'
metadata description = 'All resources. `main.bicep` makes the resource group as well; this file deploys alone into one that exists.'

import { hasNone, isHttpsAddress, isMailAddress, isOrigin } from 'checks.bicep'
import { api as apiType, names as namesType, scale as scaleType } from 'types.bicep'

@description('What tells this deployment from others, such as `dev` or `production`. Tags everything.')
@minLength(1)
@maxLength(64)
param environmentName string
@description('The region of everything: one that has Flex Consumption.')
param location string
@description('Tags of your own, for every resource.')
param tags { *: string } = {}
@description('What the API is told by its settings.')
param api apiType
@description('What the app runs on, and on how much of it.')
param scale scaleType
@description('How much log a day the workspace takes before it stops until the next day, in GB.')
@minValue(1)
param logDailyCapGb int = 1
@description('Who gets mail from the alerts. Empty: they show in the portal only.')
param alertEmail string = ''
@description('Whether the storage can be reached only through private endpoints in a virtual network.')
param privateNetwork bool = false
@description('Whether nobody can purge the vault before its 7 days are over.')
param vaultPurgeProtection bool = false

// What the types cannot refuse is refused here, before anything is deployed.
var region = toLower(replace(location, ' ', ''))
var checkedLocation = contains(loadJsonContent('flex-regions.json'), region)
  ? region
  : fail('location: ${location} is not known to have Flex Consumption. Choose a region of infra/flex-regions.json; or, if `az functionapp list-flexconsumption-locations` prints this one, add it there')
var identityBaseUrl = trim(api.identityBaseUrl)
var checkedIdentityBaseUrl = isHttpsAddress(identityBaseUrl)
  ? identityBaseUrl
  : fail('identityBaseUrl must be an https address without user name, query or fragment, such as https://identity.example: tokens are sent there')
var cardIds = filter(map(split(api.allowedCardIds, ','), id => trim(id)), id => !empty(id))
var strangeCardIds = filter(cardIds, id => !hasNone(id, ';*"\'[]@ \n\t'))
var checkedCardIds = empty(cardIds) || !empty(strangeCardIds)
  ? fail('allowedCardIds must name at least one card by its actionPackageId, or several with commas between, without quotes, brackets or blanks${empty(strangeCardIds) ? '' : '. Mend: ${join(strangeCardIds, ' and ')}'}')
  : join(cardIds, ',')
var strangeOrigins = filter(api.allowedOrigins, origin => !isOrigin(origin))
var checkedOrigins = empty(strangeOrigins)
  ? api.allowedOrigins
  : fail('allowedOrigins must be origins as browsers send them, such as https://cards.example or http://localhost:5173: lower case, without a path, and never *. Mend: ${join(strangeOrigins, ' and ')}')
var checkedAlwaysReady = scale.alwaysReadyHttpInstances <= scale.maximumInstanceCount
  ? scale.alwaysReadyHttpInstances
  : fail('alwaysReadyHttpInstances must be at most maximumInstanceCount')
var checkedEmail = empty(alertEmail) || isMailAddress(alertEmail)
  ? alertEmail
  : fail('alertEmail must be one mail address, or empty')

var allTags = union(tags, { 'azd-env-name': environmentName })
// Valid whatever the environment is called, and the same at every deployment.
var suffix = uniqueString(resourceGroup().id, environmentName)
var names namesType = {
  identity: 'id-${suffix}'
  workspace: 'log-${suffix}'
  insights: 'appi-${suffix}'
  storage: 'st${suffix}'
  keyVault: 'kv-${suffix}'
  network: 'vnet-${suffix}'
  plan: 'plan-${suffix}'
  functionApp: 'func-${suffix}'
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: names.identity
  location: checkedLocation
  tags: allTags
}

module monitoring 'modules/monitoring.bicep' = {
  params: { location: checkedLocation, tags: allTags, names: names, dailyCapGb: logDailyCapGb }
  dependsOn: [identity]
}

module alerts 'modules/alerts.bicep' = {
  params: { location: checkedLocation, tags: allTags, names: names, email: checkedEmail }
  dependsOn: [monitoring]
}

module storage 'modules/storage.bicep' = {
  params: { location: checkedLocation, tags: allTags, names: names, privateNetwork: privateNetwork }
  dependsOn: [identity, monitoring]
}

module vault 'modules/vault.bicep' = {
  params: { location: checkedLocation, tags: allTags, names: names, purgeProtection: vaultPurgeProtection }
  dependsOn: [identity, monitoring]
}

module network 'modules/network.bicep' = if (privateNetwork) {
  params: { location: checkedLocation, tags: allTags, names: names }
  dependsOn: [storage]
}

// After everything that it needs to start: its roles, its secret, its container, and the way there.
module app 'modules/app.bicep' = {
  params: {
    location: checkedLocation
    tags: allTags
    names: names
    privateNetwork: privateNetwork
    api: {
      ...api
      identityBaseUrl: checkedIdentityBaseUrl
      allowedCardIds: checkedCardIds
      allowedOrigins: checkedOrigins
    }
    scale: { ...scale, alwaysReadyHttpInstances: checkedAlwaysReady }
  }
  dependsOn: [identity, monitoring, storage, vault, network]
}

@description('The function app: where the package goes.')
output functionAppName string = names.functionApp

@description('The vault with the cache secret.')
output keyVaultName string = names.keyVault

@description('Where the API is served.')
output apiUrl string = app.outputs.url
