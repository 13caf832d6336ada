/** Undoes global-setup.ts, and ends a run that something left open would keep from ending. */
import { rm } from 'node:fs/promises';

const patienceMs = 10_000;

export default async function globalTeardown(): Promise<void> {
  const { azurite, appDirectory } = globalThis.testStack ?? {};
  await azurite?.stop();
  if (appDirectory !== undefined) await rm(appDirectory, { recursive: true });
  // Unless something is open, this process ends before that.
  setTimeout(() => {
    console.error(`Something that a test opened is still open: ${process.getActiveResourcesInfo().join(', ')}.`);
    process.exit(1);
  }, patienceMs).unref();
}
