/**
 * Closes what a test file has opened, also after a test that failed: an open server, socket or child process keeps Jest
 * waiting for ever. What was opened last is closed first. Closing a second time does no harm.
 */
import type { Server as HttpServer } from 'node:http';
import { Server, Socket } from 'node:net';

type Resource = Server | Socket | { close(): Promise<unknown> } | { stop(): Promise<unknown> };

const opened: Resource[] = [];

afterAll(async () => {
  const failures: unknown[] = [];
  for (const resource of opened.splice(0).reverse()) await close(resource).catch((error) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be closed.');
});

/** Answers `resource`. */
export function closeAtEnd<T extends Resource>(resource: T): T {
  opened.push(resource);
  return resource;
}

async function close(resource: Resource): Promise<void> {
  if (resource instanceof Socket) resource.destroy();
  else if (resource instanceof Server) {
    const closed = new Promise((resolve) => resource.close(resolve));
    (resource as Partial<HttpServer>).closeAllConnections?.();
    await closed;
  } else await ('close' in resource ? resource.close() : resource.stop());
}
