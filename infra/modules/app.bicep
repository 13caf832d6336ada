// The function app on a Flex Consumption plan.

import { api as apiType, names as namesType, scale as scaleType } from '../types.bicep'

@description('The region.')
param location string
@description('The tags of every resource.')
param tags { *: string }
@description('The names of all resources.')
param names namesType
@description('Whether it sends from the virtual network.')
param privateNetwork bool
@description('What the API is told by its settings.')
param api apiType
@description('What it runs on, and on how much of it.')
param scale scaleType

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: names.identity
}

resource storage 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: names.storage
}

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: names.workspace
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: names.insights
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: names.plan
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: names.functionApp
  location: location
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    // Here, not in siteConfig, where it compiles and does nothing.
    keyVaultReferenceIdentity: identity.id
    virtualNetworkSubnetId: privateNetwork
      ? resourceId('Microsoft.Network/virtualNetworks/subnets', names.network, 'app')
      : null
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}packages'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      runtime: { name: 'node', version: scale.nodeVersion }
      scaleAndConcurrency: {
        instanceMemoryMB: scale.instanceMemoryMB
        maximumInstanceCount: scale.maximumInstanceCount
        alwaysReady: scale.alwaysReadyHttpInstances == 0
          ? []
          : [{ name: 'http', instanceCount: scale.alwaysReadyHttpInstances }]
        triggers: { http: { perInstanceConcurrency: scale.httpConcurrency } }
      }
    }
    // No ftpsState: there is no FTP on Flex Consumption, and newer regions refuse the property (ARM error 51021).
    siteConfig: {
      appSettings: [
        { name: 'IDENTITY_BASE_URL', value: api.identityBaseUrl }
        { name: 'ALLOWED_CARD_IDS', value: api.allowedCardIds }
        { name: 'TOKEN_CACHE_TTL_SECONDS', value: string(api.tokenCacheTtlSeconds) }
        { name: 'IDENTITY_TIMEOUT_MS', value: string(api.identityTimeoutMs) }
        {
          name: 'TOKEN_CACHE_SECRET'
          value: '@Microsoft.KeyVault(VaultName=${names.keyVault};SecretName=token-cache-secret)'
        }
        { name: 'AzureWebJobsStorage__accountName', value: names.storage }
        { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
        { name: 'AzureWebJobsStorage__clientId', value: identity.properties.clientId }
        { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: insights.properties.ConnectionString }
        {
          name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'
          value: 'ClientId=${identity.properties.clientId};Authorization=AAD'
        }
      ]
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      cors: { allowedOrigins: api.allowedOrigins }
    }
  }

  resource ftpPublishing 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource scmPublishing 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }
}

// Its log lines go to Application Insights. FunctionAppLogs would store each a second time, unfiltered and unsampled.
resource appMetrics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: app
  properties: {
    workspaceId: workspace.id
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

@description('Where the API is served.')
output url string = 'https://${app.properties.defaultHostName}'
