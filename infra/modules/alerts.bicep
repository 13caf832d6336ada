// The alerts: what docs/operations.md says to do about each.

import { names as namesType } from '../types.bicep'

@description('The region.')
param location string
@description('The tags of every resource.')
param tags { *: string }
@description('The names of all resources.')
param names namesType
@description('Who gets mail; empty for nobody.')
param email string

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: names.workspace
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: names.insights
}

resource mail 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: 'card-backend-mail'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'cards'
    emailReceivers: [{ name: 'mail', emailAddress: email, useCommonAlertSchema: true }]
  }
}

var metrics = [
  {
    name: 'failed-requests'
    description: 'More than 5 requests in 15 minutes were answered with a 5xx.'
    severity: 2
    metric: 'requests/failed'
    aggregation: 'Count'
    threshold: 5
    // A 4xx counts as failed as well, but is the caller's.
    dimensions: [{ name: 'request/resultCode', operator: 'StartsWith', values: ['5'] }]
  }
  {
    name: 'slow-requests'
    description: 'For 15 minutes, requests took more than 1 second on average.'
    severity: 3
    metric: 'requests/duration'
    aggregation: 'Average'
    threshold: 1000
    dimensions: []
  }
]

resource metricAlerts 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for alert in metrics: {
    name: alert.name
    location: 'global'
    tags: tags
    properties: {
      description: alert.description
      severity: alert.severity
      enabled: true
      scopes: [insights.id]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: alert.name
            metricNamespace: 'microsoft.insights/components'
            metricName: alert.metric
            dimensions: alert.dimensions
            operator: 'GreaterThan'
            threshold: alert.threshold
            timeAggregation: alert.aggregation
          }
        ]
      }
      actions: empty(email) ? [] : [{ actionGroupId: mail.id }]
    }
  }
]

resource identityUnavailable 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: 'identity-unavailable'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'identity-unavailable'
    description: 'More than 5 requests in 10 minutes were answered 503 because the identity service could not be asked.'
    severity: 1
    enabled: true
    scopes: [workspace.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT10M'
    autoMitigate: true
    // A new workspace does not know the table yet. The query is checked by the tests instead.
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: loadTextContent('../queries/identity-unavailable.kql')
          metricMeasureColumn: 'requests'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 5
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: empty(email) ? [] : [mail.id] }
  }
}
