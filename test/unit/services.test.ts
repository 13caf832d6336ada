/** What happens at start, before any request. */
import { app } from '@azure/functions';
import { TableClient } from '../../shared/storage/sdk';

jest.mock('../../shared/storage/sdk', () => ({
  createDefaultHttpClient: jest.fn(),
  TableClient: { fromConnectionString: jest.fn(() => ({})) },
}));

it('opens the table of tokens at start, so that the first request need not wait for the SDK', async () => {
  jest.spyOn(app.hook, 'appTerminate').mockReturnValue({ dispose() {} });
  Object.assign(process.env, {
    IDENTITY_BASE_URL: 'http://127.0.0.1:7072',
    ALLOWED_CARD_IDS: 'card-orders',
    TOKEN_CACHE_SECRET: 's'.repeat(32),
    AzureWebJobsStorage: 'UseDevelopmentStorage=true',
  });
  await import('../../shared/services');
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  const opened = jest.mocked(TableClient.fromConnectionString).mock.calls.map(([, table]) => table);
  expect(opened).toEqual(['tokencache']);
});
