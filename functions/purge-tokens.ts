/** Deletes expired token rows and old records of Idempotency-Keys, every hour. */
import { app } from '@azure/functions';
import { log, runWithInvocation } from '../shared/log';
import { orders, tokens } from '../shared/services';

app.timer('purge-tokens', {
  schedule: '0 0 * * * *',
  handler: (_timer, context) =>
    runWithInvocation(context, async () => {
      try {
        log('info', 'tokens_purged', { deleted: await tokens.purgeExpired() });
      } finally {
        // Also when the other table fails, hour after hour.
        log('info', 'idempotency_records_purged', { deleted: await orders.purgeIdempotencyRecords() });
      }
    }),
});
