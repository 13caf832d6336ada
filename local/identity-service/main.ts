/** The stand-in identity service as a process of its own: `PORT`, default 7072. Ends with the process that began it. */
import { runCommand } from '../command';
import { defaultIdentityPort, portFromEnvironment } from '../ports';
import { createIdentityService } from './create-identity-service';

runCommand(async ({ onStop }) => {
  const port = portFromEnvironment('PORT', defaultIdentityPort);
  const service = await createIdentityService({ port, log: console.log });
  onStop(() => service.close());
  console.log(`Stand-in identity service listens on ${service.url}`);
});
