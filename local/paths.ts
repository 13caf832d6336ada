/** Where things are; apart from the build, so that a command that builds nothing does not load esbuild. */
import path from 'node:path';

export const repositoryRoot = path.dirname(__dirname);
export const distDirectory = path.join(repositoryRoot, 'dist');
export const settingsFile = path.join(repositoryRoot, 'local.settings.json');
export const sampleSettingsFile = path.join(repositoryRoot, 'local.settings.sample.json');
/** Azurite's data, kept over restarts. */
export const azuriteDirectory = path.join(repositoryRoot, '.azurite');
