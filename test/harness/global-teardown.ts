/** Undoes global-setup.ts. */
import { rm } from 'node:fs/promises';

export default async function globalTeardown(): Promise<void> {
  const { azurite, appDirectory } = globalThis.testStack ?? {};
  await azurite?.stop();
  if (appDirectory !== undefined) await rm(appDirectory, { recursive: true });
}
