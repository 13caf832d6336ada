// Every parameter has another value than its default, save the network's.
using '../../../infra/main.bicep'

param environmentName = 'Production_(EU).2026'
param location = 'North Europe'
param resourceGroupName = 'cards'
param tags = { costCenter: '4711' }
param identityBaseUrl = 'https://identity.example:8443/kaizala'
param allowedCardIds = ' card-orders, card-visits ,'
param allowedOrigins = ['https://cards.example', 'http://localhost:5173']
param tokenCacheTtlSeconds = 600
param identityTimeoutMs = 2000
param nodeVersion = '22'
param instanceMemoryMB = 512
param maximumInstanceCount = 200
param alwaysReadyHttpInstances = 2
param httpConcurrency = 32
param logDailyCapGb = 10
param alertEmail = 'operations@cards.example'
param vaultPurgeProtection = true
