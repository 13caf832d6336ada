/** `GET /api/whoami`: who the token belongs to, and where the answer came from. For diagnosis. */
import { app } from '@azure/functions';
import { clock, secured } from '../shared/services';

app.http('whoami', {
  methods: ['GET'],
  authLevel: 'anonymous', // the token is checked by `secured`, not by a function key
  handler: secured(({ principal, authentication }) => {
    const { id, name, phoneNumber, pictureUrl, actionPackageId } = principal;
    const { source, validatedAtMs, expiresAtMs } = authentication;
    const validation = {
      source,
      validatedAt: new Date(validatedAtMs).toISOString(),
      expiresAt: new Date(expiresAtMs).toISOString(),
      remainingSeconds: Math.max(0, Math.floor((expiresAtMs - clock()) / 1000)),
    };
    return { jsonBody: { id, name, phoneNumber, pictureUrl, actionPackageId, validation } };
  }),
});
