// The storage behind private endpoints.
using '../../../infra/main.bicep'

param environmentName = 'private'
param location = 'westeurope'
param identityBaseUrl = 'https://identity.example'
param allowedCardIds = 'card-orders'
param privateNetwork = true
