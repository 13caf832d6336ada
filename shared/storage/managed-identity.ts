/** The credential of a deployed app, in a module of its own so that it is never loaded with a connection string. */
import { ManagedIdentityCredential, type TokenCredentialOptions } from '@azure/identity';

const STORAGE_SCOPE = 'https://storage.azure.com/.default';

/** @param clientId of a user-assigned identity; without it, the system-assigned one */
export function createCredential(
  clientId: string | undefined,
  transport: TokenCredentialOptions,
): ManagedIdentityCredential {
  const credential = new ManagedIdentityCredential({ ...(clientId !== undefined && { clientId }), ...transport });
  // The first access token can take longer than a table operation may. It is fetched, and cached, beside the first
  // operations instead of being begun and aborted by each; whoever needs it reports its failure.
  credential.getToken(STORAGE_SCOPE).catch(() => {});
  return credential;
}
