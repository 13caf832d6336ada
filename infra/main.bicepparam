// The values of a deployment, from the environment: with azd, `azd env set NAME value` puts them there.
using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param identityBaseUrl = readEnvironmentVariable('IDENTITY_BASE_URL')
param allowedCardIds = readEnvironmentVariable('ALLOWED_CARD_IDS')
param allowedOrigins = filter(
  map(split(readEnvironmentVariable('ALLOWED_ORIGINS', ''), ','), origin => trim(origin)),
  origin => !empty(origin)
)
param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')
