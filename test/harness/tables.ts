/** The tables of this run's Azurite, looked at past the app. */
import { randomUUID } from 'node:crypto';
import { TableClient } from '@azure/data-tables';
import { requireEnvironment } from './app';

export function openTable(name: string, connectionString = requireEnvironment('TEST_STORAGE')): TableClient {
  return TableClient.fromConnectionString(connectionString, name, { allowInsecureConnection: true });
}

/** Of a table that nobody else uses, also not in another run on the same Azurite. */
export function newTableName(): string {
  return `test${randomUUID().replaceAll('-', '')}`;
}

export async function listRows(table: TableClient): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for await (const row of table.listEntities()) rows.push(row);
  return rows;
}
