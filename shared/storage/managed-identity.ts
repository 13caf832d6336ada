/** In a module of its own so that it is never loaded with a connection string. */
export { ManagedIdentityCredential } from '@azure/identity';
