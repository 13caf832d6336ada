/** Logs, diagnostic settings and alerts: what Azure accepts without a word and then never fires. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Deployment, PredictedResource } from '../deployment';
import { diagnose, outputColumns } from '../kusto';
import { ofType, only, rule } from '../rule';
import { moduleNamed } from '../template';

const ALERT_QUERIES = ['identity-unavailable', 'no-heartbeat'];

const queriesFolder = ({ root }: Deployment) => path.join(root, 'infra/queries');

/** Per type of resource, the log and metric categories that are wanted, of those that Azure has. */
const DIAGNOSTICS: Record<string, { logs: string[]; metrics: string[] }> = {
  'Microsoft.Web/sites': { logs: [], metrics: ['AllMetrics'] },
  'Microsoft.Storage/storageAccounts': { logs: [], metrics: ['Transaction'] },
  'Microsoft.Storage/storageAccounts/blobServices': { logs: ['StorageDelete', 'StorageWrite'], metrics: [] },
  'Microsoft.Storage/storageAccounts/tableServices': { logs: ['StorageDelete'], metrics: [] },
  'Microsoft.KeyVault/vaults': { logs: ['AuditEvent'], metrics: [] },
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
      ({ name, properties }) => {
        // Without it, Azure takes the second deployment for a conflict.
        must.be('etag', properties.etag, '*');
        must.be('category', properties.category, 'Card backend');
        return [name.split('/').at(-1), properties.displayName, properties.query];
      },
    );
    const written = [...readdirSync(queriesFolder(deployment))]
      .map(
        (file) =>
          [path.basename(file, '.kql'), readFileSync(path.join(queriesFolder(deployment), file), 'utf8')] as const,
      )
      .filter(([name]) => !ALERT_QUERIES.includes(name))
      .map(([name, text]) => [name, text.split('\n')[0]?.slice('// '.length), text]);
    must.be('the saved queries', saved.sort(), written.sort());
    const copy = moduleNamed(deployment.template, 'monitoring').resources['savedQueries']?.['copy'];
    must.be('one at a time, or else a conflict', [copy?.mode, copy?.batchSize], ['serial', 1]);
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

  rule('the metric alerts are exactly these', (deployment, must) => {
    for (const { location, properties } of ofType(deployment, 'Microsoft.Insights/metricAlerts')) {
      const { enabled, scopes, criteria, evaluationFrequency, windowSize, autoMitigate } = properties;
      must.be('its place', location, 'global');
      must.be('enabled, and resolved by itself', [enabled, autoMitigate], [true, true]);
      must.be('what it watches', scopes, [only(deployment, 'Microsoft.Insights/components').id]);
      must.be('how often', [evaluationFrequency, windowSize], ['PT5M', 'PT15M']);
      must.be('criteria', criteria['odata.type'], 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria');
    }
    const criteria = alertsOf(deployment, 'metricAlerts').map(([name, { properties }]) => {
      const [{ name: _, ...criterion }, ...others] = properties.criteria.allOf;
      must.be(`${name}: other criteria`, others, []);
      return [name, properties.severity, criterion];
    });
    const common = {
      criterionType: 'StaticThresholdCriterion',
      metricNamespace: 'microsoft.insights/components',
      operator: 'GreaterThan',
    };
    must.be('the criteria', criteria, [
      [
        'failed-requests',
        2,
        {
          ...common,
          metricName: 'requests/count',
          timeAggregation: 'Count',
          threshold: 5,
          dimensions: [{ name: 'request/resultCode', operator: 'StartsWith', values: ['5'] }],
        },
      ],
      [
        'slow-requests',
        3,
        {
          ...common,
          metricName: 'requests/duration',
          timeAggregation: 'Average',
          threshold: 1000, // ms
          dimensions: [{ name: 'request/resultCode', operator: 'Include', values: ['200', '201'] }],
        },
      ],
    ]);
  }),

  rule('the log alerts are exactly these', (deployment, must) => {
    const workspace = only(deployment, 'Microsoft.OperationalInsights/workspaces');
    for (const [name, { location, kind, properties }] of alertsOf(deployment, 'scheduledQueryRules')) {
      const { enabled, autoMitigate, scopes, skipQueryValidation } = properties;
      must.be(`${name}: kind`, [kind, location, enabled], ['LogAlert', workspace.location, true]);
      must.be(`${name}: resolved by itself`, autoMitigate, true);
      must.be(`${name}: what it asks`, scopes, [workspace.id]);
      // A workspace that was just made has no tables.
      must.be(`${name}: skipQueryValidation`, skipQueryValidation, true);
      must.be(`${name}: muteActionsDuration`, properties.muteActionsDuration, undefined);
    }
    const rules = alertsOf(deployment, 'scheduledQueryRules').map(([name, { properties }]) => {
      const { severity, evaluationFrequency, windowSize, criteria } = properties;
      return [name, severity, evaluationFrequency, windowSize, criteria.allOf];
    });
    const criterion = (name: string, column: string, operator: string, threshold: number) => ({
      query: readFileSync(path.join(queriesFolder(deployment), `${name}.kql`), 'utf8'),
      metricMeasureColumn: column,
      timeAggregation: 'Total',
      operator,
      threshold,
      failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 },
    });
    must.be('the rules', rules, [
      ['identity-unavailable', 1, 'PT5M', 'PT10M', [criterion('identity-unavailable', 'requests', 'GreaterThan', 5)]],
      ['no-heartbeat', 1, 'PT1H', 'PT3H', [criterion('no-heartbeat', 'runs', 'LessThan', 1)]],
    ]);
  }),

  rule('Azure understands the queries, and the alerts measure columns that these have', (deployment, must) => {
    for (const { name, properties } of ofType(deployment, 'Microsoft.OperationalInsights/workspaces/savedSearches')) {
      must.be(name, diagnose(properties.query), []);
    }
    for (const [name, { properties }] of alertsOf(deployment, 'scheduledQueryRules')) {
      const [{ query, metricMeasureColumn }] = properties.criteria.allOf;
      must.be(name, diagnose(query), []);
      must.hold(`${name}: ${metricMeasureColumn} must be a column`, outputColumns(query).includes(metricMeasureColumn));
    }
  }),

  rule('every alert goes to the action group if there is one', (deployment, must) => {
    const groups = ofType(deployment, 'Microsoft.Insights/actionGroups');
    must.be('action groups', groups.length, deployment.scenario === 'everything' ? 1 : 0);
    const ids = groups.map(({ id }) => id);
    for (const [name, { properties }] of alertsOf(deployment, 'metricAlerts')) {
      must.be(
        `${name}: actions`,
        properties.actions,
        ids.map((actionGroupId) => ({ actionGroupId })),
      );
    }
    for (const [name, { properties }] of alertsOf(deployment, 'scheduledQueryRules')) {
      must.be(`${name}: actions`, properties.actions, { actionGroups: ids });
    }
    for (const { location, properties } of groups) {
      must.be('the place of the group', location, 'global');
      must.be('the group', properties, {
        enabled: true,
        groupShortName: 'cards', // 12 characters at most
        emailReceivers: [{ name: 'mail', emailAddress: 'operations@cards.example', useCommonAlertSchema: true }],
      });
    }
  }),
];

/**
 * Sorted by name, without the app's name before it, by which two deployments in one group do not take each other's. Throws
 * when that is missing.
 */
function alertsOf(deployment: Deployment, kind: 'metricAlerts' | 'scheduledQueryRules'): [string, PredictedResource][] {
  const prefix = `${only(deployment, 'Microsoft.Web/sites').name}-`;
  return ofType(deployment, `Microsoft.Insights/${kind}`)
    .map((alert): [string, PredictedResource] => {
      if (!alert.name.startsWith(prefix)) throw new Error(`${alert.name} must begin with ${prefix}`);
      return [alert.name.slice(prefix.length), alert];
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
