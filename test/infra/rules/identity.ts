/** Who may do what: one identity, each of its roles where it is needed and nowhere else, all before the app. */
import type { Deployment } from '../deployment';
import { ofType, only, rule, runtimeValue } from '../rule';
import { dependenciesOf, modulesOf } from '../template';

const ROLES = {
  'Storage Blob Data Owner': 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b',
  'Storage Table Data Contributor': '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3',
  'Key Vault Secrets User': '4633458b-17de-408a-b874-0445c86b69e6',
  'Monitoring Metrics Publisher': '3913510d-42f4-4e42-8a64-420c390055eb',
};

const ROLE_ASSIGNMENT = '/providers/Microsoft.Authorization/roleAssignments/';

function expectedAssignments(deployment: Deployment): string[] {
  const storage = only(deployment, 'Microsoft.Storage/storageAccounts').id;
  return [
    `${ROLES['Storage Blob Data Owner']} on ${storage}`,
    `${ROLES['Storage Table Data Contributor']} on ${storage}`,
    `${ROLES['Key Vault Secrets User']} on ${only(deployment, 'Microsoft.KeyVault/vaults/secrets').id}`,
    `${ROLES['Monitoring Metrics Publisher']} on ${only(deployment, 'Microsoft.Insights/components').id}`,
  ].sort();
}

export const identityRules = [
  rule('each role is on the right resource, and there is no other', (deployment, must) => {
    const assignments = ofType(deployment, 'Microsoft.Authorization/roleAssignments').map(({ id, properties }) => {
      const role = String(properties.roleDefinitionId).split('/').at(-1);
      return `${role} on ${id.split(ROLE_ASSIGNMENT)[0]}`;
    });
    must.be('the list of roles', assignments.sort(), expectedAssignments(deployment));
  }),

  rule('each role is for the identity of the app, by its principal id', (deployment, must) => {
    const identity = only(deployment, 'Microsoft.ManagedIdentity/userAssignedIdentities');
    for (const { name, properties } of ofType(deployment, 'Microsoft.Authorization/roleAssignments')) {
      must.be('principalId', properties.principalId, `[${runtimeValue(identity, 'principalId')}]`);
      // Without it, Azure looks for an identity that its directory may not know yet.
      must.be('principalType', properties.principalType, 'ServicePrincipal');
      must.hold(`the name ${name} must be a GUID`, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name));
    }
  }),

  rule('the name of a role assignment is of its scope, identity and role', ({ template }, must) => {
    // Otherwise the second deployment, or the one after the identity was made anew, is refused.
    const assignments = modulesOf(template).flatMap(({ resources }) =>
      Object.values(resources).filter(({ type }) => type === 'Microsoft.Authorization/roleAssignments'),
    );
    must.be('assignments', assignments.length, 3); // of four roles: two are made in a loop
    const identity = "resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', parameters('names').identity)";
    for (const { name, scope, properties } of assignments) {
      const role = /^\[subscriptionResourceId\('[\w./]+', (.*)\)\]$/.exec(properties.roleDefinitionId)?.[1];
      must.be('the name', name, `[guid(${scope.slice(1, -1)}, ${identity}, ${role})]`);
    }
  }),

  rule(
    'roles are made before the app, and what they are given on and to before them',
    ({ template, scenario }, must) => {
      const before = (module: string) => dependenciesOf(template, module);
      for (const needed of ['identity', 'monitoring', 'storage', 'vault']) {
        must.hold(`the app must wait for ${needed}`, before('app').has(needed));
      }
      // The private endpoints, where there are some: without them the app cannot reach its package.
      must.hold(`${scenario}: the app must wait for the network`, before('app').has('network'));
      must.hold('the network must wait for the storage', before('network').has('storage'));
      must.hold('the alerts must wait for what they watch', before('alerts').has('monitoring'));
      for (const module of ['monitoring', 'storage', 'vault']) {
        must.hold(`${module} must wait for the identity`, before(module).has('identity'));
      }
      for (const module of ['storage', 'vault']) {
        must.hold(`${module} must wait for the workspace`, before(module).has('monitoring'));
      }
    },
  ),

  rule('in a module, what hangs on a resource is made after it', ({ template }, must) => {
    for (const { name, resources } of modulesOf(template)) {
      for (const [symbol, resource] of Object.entries(resources)) {
        const made = resource.existing !== true;
        const { scope } = resource as { scope?: string };
        if (!made || scope === undefined || resource.type.startsWith('Microsoft.Resources/')) continue;
        const owner = Object.entries(resources).filter(
          ([other, { existing }]) => existing !== true && (resource.dependsOn ?? []).includes(other),
        );
        must.hold(`${name}: ${symbol} must wait for the resource that it is on`, owner.length > 0);
      }
    }
  }),

  rule('the app runs as that identity, and as no other', (deployment, must) => {
    const identity = only(deployment, 'Microsoft.ManagedIdentity/userAssignedIdentities');
    const app = only(deployment, 'Microsoft.Web/sites');
    must.be('its identity', app.identity, { type: 'UserAssigned', userAssignedIdentities: { [identity.id]: {} } });
    must.be('keyVaultReferenceIdentity', app.properties.keyVaultReferenceIdentity, identity.id);
    must.be('keyVaultReferenceIdentity in siteConfig', app.properties.siteConfig.keyVaultReferenceIdentity, undefined);
  }),
];
