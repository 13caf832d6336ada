/** Deletes what has expired (token rows, records of Idempotency-Keys) from each table, every hour. */
import { app } from '@azure/functions';
import { log, runWithInvocation } from '../shared/log';
import { purgeables } from '../shared/services';

app.timer('purge', {
  schedule: '0 0 * * * *',
  handler: (_timer, context) =>
    runWithInvocation(context, async () => {
      const purges = purgeables.map(async ({ table, purge }) =>
        log('info', 'rows_purged', { table, deleted: await purge() }),
      );
      // When one table fails, the others are purged all the same.
      for (const result of await Promise.allSettled(purges)) if (result.status === 'rejected') throw result.reason;
    }),
});
