/** Deletes expired token rows every hour: Table Storage has no expiry of its own. */
import { app } from '@azure/functions';
import { tokens } from '../shared/services';

app.timer('purge-tokens', {
  schedule: '0 0 * * * *',
  handler: async (_timer, context) => {
    const deleted = await tokens.purgeExpired();
    context.info(JSON.stringify({ event: 'tokens_purged', deleted }));
  },
});
