/** The cache tier that all instances share, on a real Azurite. */
import { createDeriveTokenKey } from '../../shared/auth/token-key';
import { createOpenTable } from '../../shared/storage/table-client';
import { createTokenTable } from '../../shared/storage/token-table';
import { requireEnvironment } from '../harness/app';
import { createFakeClock } from '../harness/fake-clock';
import { newTableName, openTable } from '../harness/tables';

const storage = { kind: 'connection-string', connectionString: requireEnvironment('TEST_STORAGE') } as const;
const deriveKey = createDeriveTokenKey('s'.repeat(32), { name: 'test', endpoint: 'https://identity.example' });
const stored = {
  identity: { id: 'u-1', name: 'Asha', phoneNumber: null, pictureUrl: null, actionPackageId: 'card-orders' },
  validatedAtMs: Date.UTC(2026, 0, 1),
  expiresAtMs: Date.UTC(2026, 0, 2),
};

function setUp() {
  const tableName = newTableName();
  const table = createTokenTable(createOpenTable(storage, tableName, 0), { clock: createFakeClock(), log: jest.fn() });
  return { table, rows: openTable(tableName) };
}

it('gives for a token what was last written for it, and a miss for another', async () => {
  const { table } = setUp();
  const key = deriveKey('token');
  expect(await table.read(key)).toBe('miss'); // there is no table yet
  await table.write(key, { ...stored, expiresAtMs: 1 });
  await table.write(key, stored);
  expect(await table.read(key)).toEqual(stored);
  expect(await table.read(deriveKey('other'))).toBe('miss');
});

it.each<[string, () => object]>([
  ['of another type', () => ({ sealed: 'text' })],
  ['changed', () => ({ sealed: Buffer.alloc(60, 7) })],
  ['without its value', () => ({})],
  ["another key's", () => ({ sealed: Buffer.from(deriveKey('other').seal(JSON.stringify(stored))) })],
])('takes a row that is %s for a miss', async (_, columns) => {
  const { table, rows } = setUp();
  const key = deriveKey('token');
  await rows.createTable();
  await rows.createEntity({ partitionKey: key.id.slice(0, 2), rowKey: key.id, ...columns() });
  expect(await table.read(key)).toBe('miss');
});
