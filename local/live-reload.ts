/** Builds and loads the app again when a source changes; what cannot be built or loaded is told, and the old app goes on. */
import { watch } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from './paths';
import { watchSources } from './watch-sources';

/** A save is several events, and for a moment an empty file. */
const settleMs = 20;

export interface LiveReloadOptions {
  readonly rebuild: () => Promise<void>;
  /** Loads the build; absent where the host watches the build itself. */
  readonly reload?: () => Promise<void>;
  readonly log: (line: string) => void;
}

export interface LiveReload {
  close(): void;
}

/** Watches `functions/`, `shared/` and `host.json`. */
export function startLiveReload({ rebuild, reload, log }: LiveReloadOptions): LiveReload {
  let timer: NodeJS.Timeout | undefined;
  let changedAtMs: number | undefined;
  let isRunning = false;

  function changed(): void {
    changedAtMs ??= performance.now();
    clearTimeout(timer);
    timer = setTimeout(run, settleMs);
  }

  async function run(): Promise<void> {
    // A change during a run is taken up when that run has ended.
    if (isRunning || changedAtMs === undefined) return;
    isRunning = true;
    const sinceMs = changedAtMs;
    changedAtMs = undefined;
    try {
      await rebuild();
      await reload?.();
      log(`${reload ? 'Reloaded' : 'Rebuilt'} in ${Math.round(performance.now() - sinceMs)} ms.`);
    } catch (error) {
      log(`${(error as Error).message}\nNot reloaded: the app from before this change goes on.`);
    }
    isRunning = false;
    if (changedAtMs !== undefined) changed();
  }

  const roots = ['functions', 'shared'];
  const sources = watchSources(
    roots.map((name) => path.join(repositoryRoot, name)),
    changed,
  );
  const settings = watch(repositoryRoot, (event, name) => {
    if (name === 'host.json') changed();
    if (event === 'rename' && name !== null && roots.includes(name)) sources.renew(path.join(repositoryRoot, name));
    if (name === 'local.settings.json') log('local.settings.json has changed: start again to apply it.');
  });
  return {
    close() {
      clearTimeout(timer);
      sources.close();
      settings.close();
    },
  };
}
