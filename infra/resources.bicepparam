// The same, for a resource group that exists: az deployment group create --parameters infra/resources.bicepparam
using 'resources.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param api = {
  identityBaseUrl: readEnvironmentVariable('IDENTITY_BASE_URL')
  allowedCardIds: readEnvironmentVariable('ALLOWED_CARD_IDS')
  allowedOrigins: filter(
    map(split(readEnvironmentVariable('ALLOWED_ORIGINS', ''), ','), origin => trim(origin)),
    origin => !empty(origin)
  )
  tokenCacheTtlSeconds: 1800
  identityTimeoutMs: 1200
}
param scale = {
  nodeVersion: '24'
  instanceMemoryMB: 2048
  maximumInstanceCount: 40
  alwaysReadyHttpInstances: 0
  httpConcurrency: 100
}
param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')
