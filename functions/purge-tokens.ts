/** Deletes expired token rows every hour: Table Storage has no expiry of its own. */
import { app } from '@azure/functions';
import { inInvocation, log } from '../shared/log';
import { tokens } from '../shared/services';

app.timer('purge-tokens', {
  schedule: '0 0 * * * *',
  handler: (_timer, context) =>
    inInvocation(context, async () => log('info', 'tokens_purged', { deleted: await tokens.purgeExpired() })),
});
