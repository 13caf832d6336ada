/** What a command of the tests works on: folders that go when it ends, and a fresh build of the app in one of them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from '../../local/build';
import type { Command } from '../../local/command';

export async function temporaryFolder({ onStop }: Pick<Command, 'onStop'>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'card-backend-'));
  onStop(() => rm(folder, { recursive: true }));
  return folder;
}

/**
 * @param buildInto another build than that of the app
 * @returns the folder that the app was built into
 */
export async function buildForCommand(
  command: Pick<Command, 'onStop'>,
  buildInto: (folder: string) => Promise<void> = build,
): Promise<string> {
  const folder = await temporaryFolder(command);
  const building = buildInto(folder);
  // A build that goes on while the folder goes would make it again.
  command.onStop(() => building.catch(() => undefined));
  await building;
  return folder;
}
