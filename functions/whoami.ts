/** `GET /api/whoami`: who the token belongs to, and where the answer came from. For diagnosis. */
import { app } from '@azure/functions';
import { systemClock } from '../shared/clock';
import { secured } from '../shared/services';

app.http('whoami', {
  methods: ['GET'],
  authLevel: 'anonymous', // `secured` checks the token; a function key would be a second lock
  handler: secured(({ principal, validation }) => {
    const { id, name, phoneNumber, pictureUrl, actionPackageId } = principal;
    const { source, validatedAtMs, expiresAtMs } = validation;
    const times = {
      validatedAt: new Date(validatedAtMs).toISOString(),
      expiresAt: new Date(expiresAtMs).toISOString(),
      remainingSeconds: Math.max(0, Math.floor((expiresAtMs - systemClock.now()) / 1000)),
    };
    return { jsonBody: { id, name, phoneNumber, pictureUrl, actionPackageId, validation: { source, ...times } } };
  }),
});
