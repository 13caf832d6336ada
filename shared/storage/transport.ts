/** How the Azure SDK connects: with our agents, never by what it finds in the environment. */
import type { HttpClient } from '@azure/core-rest-pipeline';
import type { AgentFor } from '../agents';
import { createDefaultHttpClient } from './sdk';

export function createTransport(agentFor: AgentFor) {
  const client = createDefaultHttpClient();
  const httpClient: HttpClient = {
    sendRequest(request) {
      request.agent = agentFor(request.url);
      return client.sendRequest(request);
    },
  };
  // Never used. Without it the SDK reads HTTP_PROXY and the like, and fails at once where one of them is no address.
  return { httpClient, proxyOptions: { host: 'http://unused.invalid', port: 1 } };
}
