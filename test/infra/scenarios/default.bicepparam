// Only what must be given.
using '../../../infra/main.bicep'

param environmentName = 'dev'
param location = 'westeurope'
param identityBaseUrl = 'https://identity.example'
param allowedCardIds = 'card-orders'
