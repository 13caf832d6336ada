/** `GET /api/health`: whether this backend can do its work. Anonymous, and silent about how it does it. */
import { app } from '@azure/functions';
import { withProblems } from '../shared/http/secured';
import { checkStorage } from '../shared/services';

app.http('health', {
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: withProblems(async () => {
    await checkStorage();
    return { jsonBody: { status: 'ok' } };
  }),
});
