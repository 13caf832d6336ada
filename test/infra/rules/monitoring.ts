/** Logs, diagnostic settings and alerts: what Azure accepts without a word and then never fires. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Deployment } from '../deployment';
import { ofType, only, rule } from '../rule';

const ALERT_QUERY = 'identity-unavailable';

const queriesFolder = ({ root }: Deployment) => path.join(root, 'infra/queries');

/** Per type of resource, the log and metric categories that are wanted, of those that Azure has. */
const DIAGNOSTICS: Record<string, { logs: string[]; metrics: string[] }> = {
  'Microsoft.Web/sites': { logs: [], metrics: ['AllMetrics'] },
  'Microsoft.Storage/storageAccounts': { logs: [], metrics: ['Transaction'] },
  'Microsoft.Storage/storageAccounts/blobServices': { logs: ['StorageDelete', 'StorageWrite'], metrics: [] },
  'Microsoft.Storage/storageAccounts/tableServices': { logs: ['StorageDelete'], metrics: [] },
  'Microsoft.KeyVault/vaults': { logs: ['AuditEvent'], metrics: [] },
};

/** The aggregations that Application Insights has for a metric. */
const AGGREGATIONS: Record<string, string[]> = {
  'requests/failed': ['Count'],
  'requests/duration': ['Average', 'Maximum', 'Minimum'],
};

interface Category {
  readonly category: string;
  readonly enabled: boolean;
}

/** The type in a resource id: /subscriptions/…/providers/Microsoft.Storage/storageAccounts/x/blobServices/default. */
function typeOf(id: string): string {
  const [provider, ...pairs] = (id.split('/providers/').at(-1) ?? '').split('/');
  return [provider, ...pairs.filter((_, i) => i % 2 === 0)].join('/');
}

/** ISO 8601, of minutes. */
function minutes(duration: string): number {
  return Number(/^PT(\d+)M$/.exec(duration)?.[1]);
}

export const monitoringRules = [
  rule('the workspace keeps logs for 30 days, up to a daily cap', (deployment, must) => {
    const { properties } = only(deployment, 'Microsoft.OperationalInsights/workspaces');
    must.be('its SKU', properties.sku, { name: 'PerGB2018' });
    must.be('retentionInDays', properties.retentionInDays, 30);
    must.be('dailyQuotaGb', properties.workspaceCapping.dailyQuotaGb, deployment.scenario === 'everything' ? 10 : 1);
    must.be('local authentication off', properties.features.disableLocalAuth, true);
  }),

  rule(
    'Application Insights writes to that workspace, and takes telemetry only from Entra identities',
    (deployment, must) => {
      const { kind, properties } = only(deployment, 'Microsoft.Insights/components');
      must.be('kind', kind, 'web');
      must.be('Application_Type', properties.Application_Type, 'web');
      must.be('DisableLocalAuth', properties.DisableLocalAuth, true);
      must.be(
        'its workspace',
        properties.WorkspaceResourceId,
        only(deployment, 'Microsoft.OperationalInsights/workspaces').id,
      );
    },
  ),

  rule('each query in infra/queries is saved under its title, or is an alert', (deployment, must) => {
    const saved = ofType(deployment, 'Microsoft.OperationalInsights/workspaces/savedSearches').map(
      ({ name, properties }) => [name.split('/').at(-1), properties.displayName, properties.query],
    );
    const written = [...readdirSync(queriesFolder(deployment))]
      .map(
        (file) =>
          [path.basename(file, '.kql'), readFileSync(path.join(queriesFolder(deployment), file), 'utf8')] as const,
      )
      .filter(([name]) => name !== ALERT_QUERY)
      .map(([name, text]) => [name, text.split('\n')[0]?.slice('// '.length), text]);
    must.be('the saved queries', saved.sort(), written.sort());
  }),

  rule('diagnostics of app, storage and vault go to the workspace, in categories that exist', (deployment, must) => {
    const workspace = only(deployment, 'Microsoft.OperationalInsights/workspaces').id;
    const settings = ofType(deployment, 'Microsoft.Insights/diagnosticSettings');
    const found = settings.map(({ id, properties }) => {
      must.be('workspaceId', properties.workspaceId, workspace);
      const names = (categories: Category[] = []) => categories.filter(({ enabled }) => enabled).map((c) => c.category);
      const target = id.split('/providers/Microsoft.Insights/diagnosticSettings/')[0] ?? '';
      return [typeOf(target), { logs: names(properties.logs).sort(), metrics: names(properties.metrics).sort() }];
    });
    must.be('the diagnostic settings', Object.fromEntries(found), DIAGNOSTICS);
    must.be('how many', settings.length, Object.keys(DIAGNOSTICS).length);
  }),

  rule('the metric alerts watch metrics that exist, and can fire', (deployment, must) => {
    const alerts = ofType(deployment, 'Microsoft.Insights/metricAlerts');
    const watched: string[] = [];
    for (const { name, location, properties } of alerts) {
      must.be(`${name}: its place`, location, 'global');
      must.be(`${name}: enabled`, properties.enabled, true);
      must.be(`${name}: what it watches`, properties.scopes, [only(deployment, 'Microsoft.Insights/components').id]);
      must.hold(`${name}: severity must be 0 to 4`, [0, 1, 2, 3, 4].includes(properties.severity));
      must.hold(`${name}: its window`, minutes(properties.windowSize) >= minutes(properties.evaluationFrequency));
      must.be(
        `${name}: criteria`,
        properties.criteria['odata.type'],
        'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria',
      );
      for (const criterion of properties.criteria.allOf) {
        watched.push(criterion.metricName);
        must.be(`${name}: namespace`, criterion.metricNamespace, 'microsoft.insights/components');
        must.hold(
          `${name}: ${criterion.timeAggregation} of ${criterion.metricName} must exist`,
          (AGGREGATIONS[criterion.metricName] ?? []).includes(criterion.timeAggregation),
        );
        must.be(`${name}: operator`, criterion.operator, 'GreaterThan');
        // A duration is in milliseconds.
        const least = criterion.metricName === 'requests/duration' ? 100 : 1;
        must.hold(`${name}: threshold`, criterion.threshold >= least);
      }
    }
    must.be('the metrics', watched.sort(), ['requests/duration', 'requests/failed']);
    const failed = alerts.find(({ name }) => name === 'failed-requests')?.properties.criteria.allOf[0];
    // Application Insights counts a 4xx as failed, and those are the caller's.
    must.be('of the failed ones', failed?.dimensions, [
      { name: 'request/resultCode', operator: 'StartsWith', values: ['5'] },
    ]);
  }),

  rule('the log alert asks its query of the workspace, and can fire', (deployment, must) => {
    const { location, kind, properties } = only(deployment, 'Microsoft.Insights/scheduledQueryRules');
    must.be('kind', kind, 'LogAlert');
    must.hold('its severity must be 0 to 4', [0, 1, 2, 3, 4].includes(properties.severity));
    must.be('enabled', properties.enabled, true);
    must.be('its place', location, only(deployment, 'Microsoft.OperationalInsights/workspaces').location);
    must.be('what it asks', properties.scopes, [only(deployment, 'Microsoft.OperationalInsights/workspaces').id]);
    must.hold('its window', minutes(properties.windowSize) >= minutes(properties.evaluationFrequency));
    const [criterion, ...others] = properties.criteria.allOf;
    must.be('other criteria', others, []);
    must.be(
      'its query',
      criterion.query,
      readFileSync(path.join(queriesFolder(deployment), `${ALERT_QUERY}.kql`), 'utf8'),
    );
    must.hold('the column must be the query’s', criterion.query.includes(`${criterion.metricMeasureColumn} = sum(`));
    must.be('aggregation', criterion.timeAggregation, 'Total');
    must.be('operator', criterion.operator, 'GreaterThan');
    must.hold('threshold', criterion.threshold > 0);
    const { numberOfEvaluationPeriods, minFailingPeriodsToAlert } = criterion.failingPeriods;
    must.hold(
      'failing periods',
      minFailingPeriodsToAlert >= 1 && minFailingPeriodsToAlert <= numberOfEvaluationPeriods,
    );
  }),

  rule('every alert goes to the action group if there is one', (deployment, must) => {
    const groups = ofType(deployment, 'Microsoft.Insights/actionGroups');
    must.be('action groups', groups.length, deployment.scenario === 'everything' ? 1 : 0);
    const ids = groups.map(({ id }) => id);
    for (const { name, properties } of ofType(deployment, 'Microsoft.Insights/metricAlerts')) {
      must.be(
        `${name}: actions`,
        properties.actions,
        ids.map((actionGroupId) => ({ actionGroupId })),
      );
    }
    const { properties } = only(deployment, 'Microsoft.Insights/scheduledQueryRules');
    must.be('the log alert: actions', properties.actions.actionGroups, ids);
    for (const { location, properties: group } of groups) {
      must.be('the place of the group', location, 'global');
      must.be('enabled', group.enabled, true);
      must.hold('its short name must be 1 to 12 characters', /^.{1,12}$/.test(group.groupShortName));
      must.be('its mail', group.emailReceivers[0].emailAddress, 'operations@cards.example');
    }
  }),
];
