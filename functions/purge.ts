/** Deletes what has expired (token rows, records of Idempotency-Keys) from each table, every hour. */
import { app } from '@azure/functions';
import { log, runWithInvocation } from '../shared/log';
import { purgeables } from '../shared/services';

app.timer('purge', {
  schedule: '0 0 * * * *',
  handler: (_timer, context) =>
    runWithInvocation(context, async () => {
      const failures: unknown[] = [];
      for (const { table, purge } of purgeables) {
        try {
          log('info', 'rows_purged', { table, deleted: await purge() });
        } catch (error) {
          failures.push(error); // the other tables are purged all the same
        }
      }
      if (failures.length > 0) throw failures[0];
    }),
});
