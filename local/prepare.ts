/** What `npm install` does last: a first `local.settings.json` with a secret of its own, and the build. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { build } from './build';
import { runCommand } from './command';
import { sampleSettingsFile, settingsFile } from './paths';

/** Copies the sample settings with a random TOKEN_CACHE_SECRET. Answers false, and changes nothing, if `file` exists. */
export function createSettingsFile(file: string, sampleFile: string): boolean {
  const settings = JSON.parse(readFileSync(sampleFile, 'utf8')) as { Values: Record<string, string> };
  settings.Values['TOKEN_CACHE_SECRET'] = randomBytes(32).toString('base64url');
  try {
    // wx: an existing file is never overwritten. 600: it holds a secret.
    writeFileSync(file, `${JSON.stringify(settings, null, 2)}\n`, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

if (require.main === module) {
  runCommand(async ({ finish }) => {
    if (createSettingsFile(settingsFile, sampleSettingsFile)) {
      console.log('Made local.settings.json from local.settings.sample.json, with a random TOKEN_CACHE_SECRET.');
    }
    await build();
    finish(0);
  });
}
