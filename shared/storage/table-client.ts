/** Opens the app's tables, with a connection string or a managed identity, and runs operations on them. */
import type { HttpClient } from '@azure/core-rest-pipeline';
import type { TableClient } from '@azure/data-tables';
import { type AgentFor, createAgents } from '../agents';
import type { StorageConfig } from '../config';
import { withDeadline } from '../deadline';
import { Problem } from '../problem';

const direct = createAgents(undefined);

/** The first call loads the SDK. */
export type OpenTable = () => Promise<TableClient>;
export type TableOperation<T> = (table: TableClient, abortSignal: AbortSignal) => Promise<T>;

/** @param maxRetries of one operation, by the SDK, 100 ms apart and more */
export function createOpenTable(storage: StorageConfig, name: string, maxRetries: number, agentFor = direct) {
  async function connect(): Promise<TableClient> {
    const { createDefaultHttpClient, TableClient } = await import('./sdk');
    const retryOptions = { maxRetries, retryDelayInMs: 100, maxRetryDelayInMs: 500 };
    const options = { retryOptions, ...createTransport(createDefaultHttpClient(), agentFor) };
    if (storage.kind === 'connection-string') {
      const insecure = { ...options, allowInsecureConnection: true }; // for Azurite; the string says http or https
      return TableClient.fromConnectionString(storage.connectionString, name, insecure);
    }
    const { ManagedIdentityCredential } = await import('./managed-identity');
    const { clientId, tableServiceUrl } = storage;
    // The endpoint of managed identities is this machine's own: no proxy leads to it.
    const transport = createTransport(createDefaultHttpClient(), direct);
    const credential = new ManagedIdentityCredential({ ...(clientId !== undefined && { clientId }), ...transport });
    // Ahead of the first operation, because it can take longer than one may. The operations report a failure.
    credential.getToken('https://storage.azure.com/.default').catch(() => {});
    return new TableClient(tableServiceUrl, name, credential, options);
  }

  let table: Promise<TableClient> | undefined;
  return function openTable(): Promise<TableClient> {
    table ??= connect().catch((error: unknown) => {
      table = undefined;
      throw error;
    });
    return table;
  };
}

/** How the SDK connects: with our agents, never by what it finds in the environment. */
function createTransport(client: HttpClient, agentFor: AgentFor) {
  const httpClient: HttpClient = {
    sendRequest: (request) => client.sendRequest(Object.assign(request, { agent: agentFor(request.url) })),
  };
  // Never used. Without it the SDK reads HTTP_PROXY and the like, and fails at once where one of them is no address.
  return { httpClient, proxyOptions: { host: 'http://unused.invalid', port: 1 } };
}

/** Throws `storage_unavailable` when the operation fails, or takes more than `ms` milliseconds, which aborts it. */
export async function runOnTable<T>(openTable: OpenTable, ms: number, operation: TableOperation<T>): Promise<T> {
  try {
    const table = await openTable(); // loads the SDK, which may take its time once
    return await withDeadline(ms, (abortSignal) => operation(table, abortSignal), timeOut);
  } catch (cause) {
    // A bug, or a request that the storage finds wrong, is no outage.
    const isBug = [TypeError, SyntaxError, RangeError, ReferenceError].some((kind) => cause instanceof kind);
    if (isBug || cause instanceof Problem || [400, 413].includes(statusOf(cause))) throw cause;
    throw new Problem('storage_unavailable', undefined, { cause });
  }
}

/** Runs the operation. If the table does not exist yet, creates it and runs the operation once more. */
export async function createTableIfMissing<T>(table: TableClient, abortSignal: AbortSignal, run: () => Promise<T>) {
  try {
    return await run();
  } catch (error) {
    const { code, details } = error as { code?: string; details?: { odataError?: { code?: string } } };
    if ((details?.odataError?.code ?? code) !== 'TableNotFound') throw error;
    await table.createTable({ abortSignal }); // no error where another instance was first
    return run();
  }
}

/** Undefined when the storage answers with one of these HTTP statuses. That of a missing row, or table, is 404. */
export async function unlessStatus<T>(operation: Promise<T>, ...statuses: number[]): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (statuses.includes(statusOf(error))) return undefined;
    throw error;
  }
}

const timeOut = () => Promise.reject(Object.assign(new Error('timeout'), { name: 'TimeoutError' }));
const statusOf = (error: unknown) => (error as { statusCode?: number }).statusCode ?? 0;
