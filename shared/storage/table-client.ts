/** Opens tables of the app's storage account, with a connection string or a managed identity. */
import type { TableClient, TableServiceClientOptions } from '@azure/data-tables';
import { type AgentFor, createAgents } from '../agents';
import type { StorageConfig } from '../config';

/** The SDK is loaded by the first call, not at start. */
export type OpenTable = () => Promise<TableClient>;

/** @param maxRetries of one operation, by the SDK, 100 ms apart and more */
export function createOpenTable(
  storage: StorageConfig,
  tableName: string,
  maxRetries: number,
  agentFor: AgentFor = createAgents(undefined),
): OpenTable {
  const options: TableServiceClientOptions = {
    retryOptions: { maxRetries, retryDelayInMs: 100, maxRetryDelayInMs: 500 },
  };
  let table: Promise<TableClient> | undefined;
  return function openTable() {
    table ??= connect(storage, tableName, options, agentFor).catch((error: unknown) => {
      table = undefined;
      throw error;
    });
    return table;
  };
}

async function connect(
  storage: StorageConfig,
  tableName: string,
  retries: TableServiceClientOptions,
  agentFor: AgentFor,
): Promise<TableClient> {
  const [{ TableClient }, { createTransport }] = await Promise.all([import('./sdk'), import('./transport')]);
  const options = { ...retries, ...createTransport(agentFor) };
  if (storage.kind === 'connection-string') {
    // Whether the connection is plain http (Azurite) is said by the connection string itself.
    return TableClient.fromConnectionString(storage.connectionString, tableName, {
      ...options,
      allowInsecureConnection: true,
    });
  }
  const { createCredential } = await import('./managed-identity');
  // The endpoint of managed identities is this machine's own: no proxy leads to it.
  const credential = createCredential(storage.clientId, createTransport(createAgents(undefined)));
  return new TableClient(storage.tableServiceUrl, tableName, credential, options);
}

/** Runs the operation. Where the table does not exist yet, creates it and runs the operation once more. */
export async function createTableIfMissing<T>(
  table: TableClient,
  abortSignal: AbortSignal,
  operation: () => Promise<T>,
): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (errorCode(error) !== 'TableNotFound') throw error;
    await table.createTable({ abortSignal }); // no error where another instance was first
    return operation();
  }
}

/** The storage service's own error code, such as `EntityAlreadyExists`. */
export function errorCode(error: unknown): string | undefined {
  const { code, details } = error as { code?: string; details?: { odataError?: { code?: string } } };
  return details?.odataError?.code ?? code;
}

/** Undefined when the table, or the row in it, does not exist. */
export async function unlessMissing<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** The HTTP status of the storage service's answer, where there was one. */
export function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number }).statusCode;
}

/** Whether the table, or the row in it, does not exist. */
export function isNotFound(error: unknown): boolean {
  return statusOf(error) === 404;
}
