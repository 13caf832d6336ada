/** What a command of the tests works on: folders that go when it ends, and a fresh build of the app of the tests in one of them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command } from '../../local/command';
import { buildTestApp } from './build-app-with';

export async function temporaryFolder({ onStop }: Pick<Command, 'onStop'>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'card-backend-'));
  onStop(() => rm(folder, { recursive: true }));
  return folder;
}

/**
 * @param buildInto another build
 * @returns the folder that the app was built into
 */
export async function buildForCommand(
  command: Pick<Command, 'onStop'>,
  buildInto: (folder: string) => Promise<void> = buildTestApp,
): Promise<string> {
  const folder = await temporaryFolder(command);
  const building = buildInto(folder);
  // A build that goes on while the folder goes would make it again.
  command.onStop(() => building.catch(() => undefined));
  await building;
  return folder;
}
