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
  name: '${names.functionApp}-mail'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'cards'
    emailReceivers: [{ name: 'mail', emailAddress: email, useCommonAlertSchema: true }]
  }
}

// One series each status: what counts as many is many of the same.
var metrics = [
  {
    name: 'failed-requests'
    description: 'More than 5 requests in 15 minutes were answered with the same 5xx.'
    severity: 2
    // Not requests/failed: for the host, a function that answers 500 has not failed.
    metric: 'requests/count'
    aggregation: 'Count'
    threshold: 5
    dimensions: [{ name: 'request/resultCode', operator: 'StartsWith', values: ['5'] }]
  }
  {
    name: 'slow-requests'
    description: 'For 15 minutes, requests that succeeded took more than 1 second on average.'
    severity: 3
    metric: 'requests/duration'
    aggregation: 'Average'
    threshold: 1000
    // Of a status that is rare, one request is the average; and each 503 has used up its time, which is known by then.
    dimensions: [{ name: 'request/resultCode', operator: 'Include', values: ['200', '201'] }]
  }
]

resource metricAlerts 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for alert in metrics: {
    name: '${names.functionApp}-${alert.name}'
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

var logs = [
  {
    name: 'identity-unavailable'
    description: 'More than 5 requests in 10 minutes were answered 503 because the identity service could not be asked.'
    severity: 1
    frequency: 'PT5M'
    window: 'PT10M'
    query: loadTextContent('../queries/identity-unavailable.kql')
    column: 'requests'
    operator: 'GreaterThan'
    threshold: 5
  }
  {
    name: 'no-heartbeat'
    description: 'The hourly timer has not run for 3 hours: the app does not start, or its logs do not arrive.'
    severity: 1
    frequency: 'PT1H'
    window: 'PT3H'
    query: loadTextContent('../queries/no-heartbeat.kql')
    column: 'runs'
    operator: 'LessThan'
    threshold: 1
  }
]

resource logAlerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in logs: {
    name: '${names.functionApp}-${alert.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: '${names.functionApp}-${alert.name}'
      description: alert.description
      severity: alert.severity
      enabled: true
      scopes: [workspace.id]
      evaluationFrequency: alert.frequency
      windowSize: alert.window
      autoMitigate: true
      // A new workspace does not know the tables yet. The tests check the queries.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: alert.query
            metricMeasureColumn: alert.column
            timeAggregation: 'Total'
            operator: alert.operator
            threshold: alert.threshold
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: empty(email) ? [] : [mail.id] }
    }
  }
]
