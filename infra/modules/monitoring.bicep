// The logs: a workspace with a daily cap, Application Insights on it that takes only Entra identities, saved queries.

import { names as namesType } from '../types.bicep'

@description('The region.')
param location string
@description('The tags of every resource.')
param tags { *: string }
@description('The names of all resources.')
param names namesType
@description('How much log a day the workspace takes, in GB.')
param dailyCapGb int

var metricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

// Each begins with a line `// <title>`; its file's name is its key.
var queries = [
  { name: 'validations-by-source', text: loadTextContent('../queries/validations-by-source.kql') }
  { name: 'upstream-calls', text: loadTextContent('../queries/upstream-calls.kql') }
  { name: 'breaker-state', text: loadTextContent('../queries/breaker-state.kql') }
  { name: 'p95-by-endpoint', text: loadTextContent('../queries/p95-by-endpoint.kql') }
  { name: 'rejected-tokens-by-reason', text: loadTextContent('../queries/rejected-tokens-by-reason.kql') }
]

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: names.identity
}

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: names.workspace
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 30
    workspaceCapping: { dailyQuotaGb: dailyCapGb }
    features: { disableLocalAuth: true }
  }
}

// One at a time, and whatever version is there: otherwise the second deployment ends in 409.
@batchSize(1)
resource savedQueries 'Microsoft.OperationalInsights/workspaces/savedSearches@2025-07-01' = [
  for query in queries: {
    parent: workspace
    name: query.name
    properties: {
      category: 'Card backend'
      #disable-next-line BCP037 // the types do not have it; Azure does, and only here
      etag: '*'
      displayName: substring(split(query.text, '\n')[0], 3)
      query: query.text
    }
  }
]

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: names.insights
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

resource publishMetrics 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, identity.id, metricsPublisher)
  scope: insights
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisher)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}
