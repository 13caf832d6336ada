/** What reaches the SDK, which is replaced here. */
import { ManagedIdentityCredential } from '@azure/identity';
import { TableClient } from '../../shared/storage/sdk';
import { createOpenTable } from '../../shared/storage/table-client';

jest.mock('../../shared/storage/sdk', () => ({
  createDefaultHttpClient: jest.fn(),
  TableClient: Object.assign(jest.fn(), { fromConnectionString: jest.fn(() => ({})) }),
}));
jest.mock('@azure/identity', () => ({
  ManagedIdentityCredential: jest.fn(() => ({ getToken: jest.fn(() => Promise.reject(new Error('later'))) })),
}));

const local = { kind: 'connection-string', connectionString: 'UseDevelopmentStorage=true' } as const;
const deployed = { kind: 'managed-identity', tableServiceUrl: 'https://a.table.core.windows.net' } as const;
const transport = { httpClient: expect.anything(), proxyOptions: expect.anything() };
const options = { retryOptions: { maxRetries: 2, retryDelayInMs: 100, maxRetryDelayInMs: 500 }, ...transport };
const fromConnectionString = jest.mocked(TableClient.fromConnectionString);

beforeEach(() => jest.clearAllMocks());

it('opens a table once, with the repeats it was told', async () => {
  const openTable = createOpenTable(local, 'notes', 2);
  expect(await openTable()).toBe(await openTable());
  const insecure = { ...options, allowInsecureConnection: true };
  expect(fromConnectionString.mock.calls).toEqual([['UseDevelopmentStorage=true', 'notes', insecure]]);
});

it('tries again after a failure', async () => {
  const openTable = createOpenTable(local, 'notes', 2);
  fromConnectionString.mockImplementationOnce(() => {
    throw new Error('no memory');
  });
  await expect(openTable()).rejects.toThrow('no memory');
  await openTable();
});

it.each([
  ['the system-assigned one', deployed, transport],
  ['a user-assigned one', { ...deployed, clientId: 'c-1' }, { clientId: 'c-1', ...transport }],
])('uses %s of the managed identities, and fetches its first access token ahead', async (_, storage, expected) => {
  await createOpenTable(storage, 'notes', 2)();
  expect(jest.mocked(ManagedIdentityCredential).mock.calls).toEqual([[expected]]);
  const credential = jest.mocked(ManagedIdentityCredential).mock.results[0]?.value;
  expect(credential.getToken.mock.calls).toEqual([['https://storage.azure.com/.default']]);
  expect(jest.mocked(TableClient).mock.calls).toEqual([
    ['https://a.table.core.windows.net', 'notes', credential, options],
  ]);
});
