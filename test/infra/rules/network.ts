/** The private network, and that it is off unless asked for. */
import { ofType, only, rule } from '../rule';

const SERVICES = ['blob', 'table'];

/** RFC 1918, the first of its three ranges. */
const isPrivate = (prefix: string) => prefix.startsWith('10.');

/** The first and last address of `10.0.0.0/24`, as numbers. Throws when the prefix begins between two networks of its size. */
function toRange(prefix: string): { first: number; last: number } {
  const [address = '', length] = prefix.split('/');
  const first = address.split('.').reduce((number, byte) => number * 256 + Number(byte), 0);
  const size = 2 ** (32 - Number(length));
  if (first % size !== 0) throw new Error(`${prefix} is no network`);
  return { first, last: first + size - 1 };
}

export const networkRules = [
  rule('without a private network there is none, and the storage is reached by role alone', (deployment, must) => {
    if (deployment.scenario === 'private-network') return;
    const network = deployment.resources.filter(({ type }) => type.startsWith('Microsoft.Network/'));
    must.be(
      'network resources',
      network.map(({ id }) => id),
      [],
    );
    must.be(
      'the app’s subnet',
      only(deployment, 'Microsoft.Web/sites').properties.virtualNetworkSubnetId ?? null,
      null,
    );
    const { publicNetworkAccess, networkAcls } = only(deployment, 'Microsoft.Storage/storageAccounts').properties;
    must.be('publicNetworkAccess', publicNetworkAccess, 'Enabled');
    must.be('defaultAction', networkAcls.defaultAction, 'Allow');
  }),

  rule('with a private network, only private endpoints lead to the storage', (deployment, must) => {
    if (deployment.scenario !== 'private-network') return;
    const { publicNetworkAccess, networkAcls } = only(deployment, 'Microsoft.Storage/storageAccounts').properties;
    must.be('publicNetworkAccess', publicNetworkAccess, 'Disabled');
    must.be('networkAcls', networkAcls, { defaultAction: 'Deny', bypass: 'None' });
  }),

  rule('the app sends from a subnet of its own, which Flex Consumption may use', (deployment, must) => {
    if (deployment.scenario !== 'private-network') return;
    const network = only(deployment, 'Microsoft.Network/virtualNetworks');
    const subnets: { name: string; properties: Record<string, unknown> }[] = network.properties.subnets;
    const subnetId: string = only(deployment, 'Microsoft.Web/sites').properties.virtualNetworkSubnetId;
    const subnet = subnets.find(({ name }) => subnetId === `${network.id}/subnets/${name}`);
    const delegations = subnet?.properties.delegations as { properties: { serviceName: string } }[] | undefined;
    must.be(
      'its delegation',
      delegations?.map(({ properties }) => properties.serviceName),
      ['Microsoft.App/environments'],
    );
    const size = Number(String(subnet?.properties.addressPrefix).split('/')[1]);
    must.hold(`/${size} must be /27 or larger`, size <= 27);
    must.hold('the network must be private', network.properties.addressSpace.addressPrefixes.every(isPrivate));
    const delegated = subnets.filter(({ properties }) => properties.delegations !== undefined);
    must.be('delegated subnets', delegated.length, 1);
    for (const { properties } of subnets) {
      const length = Number(String(properties.addressPrefix).split('/')[1]);
      must.hold(`/${length} must be /29 or larger, as Azure keeps five addresses of each`, length <= 29);
    }
    const names = subnets.map(({ name }) => name);
    must.hold(
      'Flex takes no other names',
      names.every((name) => /^[A-Za-z0-9-]+$/.test(name)),
    );
    const ranges = subnets
      .map((one) => toRange(String(one.properties.addressPrefix)))
      .sort((a, b) => a.first - b.first);
    const [whole] = network.properties.addressSpace.addressPrefixes.map(toRange);
    must.hold(
      'the subnets must be in the network',
      ranges.every(({ first, last }) => first >= whole.first && last <= whole.last),
    );
    must.hold(
      'the subnets must not overlap',
      ranges.every(({ first }, i) => i === 0 || first > (ranges[i - 1]?.last ?? 0)),
    );
  }),

  rule('each service has an endpoint in another subnet, and a name in a zone of the network', (deployment, must) => {
    if (deployment.scenario !== 'private-network') return;
    const network = only(deployment, 'Microsoft.Network/virtualNetworks');
    const storage = only(deployment, 'Microsoft.Storage/storageAccounts');
    const appSubnet = only(deployment, 'Microsoft.Web/sites').properties.virtualNetworkSubnetId;
    const endpoints = ofType(deployment, 'Microsoft.Network/privateEndpoints');
    const groups = endpoints.map(({ properties }) => {
      const [connection] = properties.privateLinkServiceConnections;
      must.be('what it leads to', connection.properties.privateLinkServiceId, storage.id);
      must.hold('its subnet must be of this network', properties.subnet.id.startsWith(`${network.id}/subnets/`));
      must.hold('its subnet must not be the app’s', properties.subnet.id !== appSubnet);
      return connection.properties.groupIds.join();
    });
    must.be('the services', groups.sort(), SERVICES);

    const zones = ofType(deployment, 'Microsoft.Network/privateDnsZones');
    const zoneName = (service: string) =>
      `[format('privatelink.{0}.{1}', '${service}', environment().suffixes.storage)]`;
    must.be('the zones', zones.map(({ name }) => name).sort(), SERVICES.map(zoneName));
    const links = ofType(deployment, 'Microsoft.Network/privateDnsZones/virtualNetworkLinks');
    must.be('links of a zone to the network', links.length, SERVICES.length);
    for (const { properties } of links) {
      must.be('the link', properties, { registrationEnabled: false, virtualNetwork: { id: network.id } });
    }
    for (const { location } of [...zones, ...links]) must.be('their place', location, 'global');

    const records = ofType(deployment, 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups');
    must.be('endpoints with a name', records.length, SERVICES.length);
    for (const { name, properties } of records) {
      const service = name.split('/')[0]?.split('-').at(-1);
      const zone = zones.find((candidate) => candidate.name === zoneName(service ?? ''));
      const [config] = properties.privateDnsZoneConfigs;
      must.be(`the zone of ${service}`, config, { name: service, properties: { privateDnsZoneId: zone?.id } });
    }
  }),
];
