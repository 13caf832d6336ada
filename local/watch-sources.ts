/**
 * Tells when a source changes. One watcher per directory: `recursive` of Node 20 loses, on Linux, every change of a file
 * after an editor has replaced it by renaming; esbuild's own watch polls, and notices a change up to seconds late.
 */
import { existsSync, type FSWatcher, readdirSync, watch } from 'node:fs';
import path from 'node:path';

/** What editors write next to the source (`.swp`, `~`, `4913`) is no change of it. */
const sourceName = /\.(ts|js|json)$/;

export interface SourceWatcher {
  /** Watches a directory again that was replaced by another of its name. */
  renew(directory: string): void;
  close(): void;
}

/** Calls `onChange` with the path of each changed file in `directories` and below. Several calls per save are usual. */
export function watchSources(directories: readonly string[], onChange: (file: string) => void): SourceWatcher {
  const watchers = new Map<string, FSWatcher>();

  function add(directory: string): void {
    if (watchers.has(directory)) return;
    const watcher = watch(directory, (event, name) => {
      if (event === 'rename') update(directory);
      if (name && sourceName.test(name)) onChange(path.join(directory, name));
    });
    // A directory that is removed while it is watched.
    watcher.on('error', () => remove(directory));
    watchers.set(directory, watcher);
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) add(path.join(directory, entry.name));
    }
  }

  function remove(directory: string): void {
    watchers.get(directory)?.close();
    watchers.delete(directory);
  }

  /** An entry of `directory` came or went: watches what is new. A directory that is moved brings or takes its sources. */
  function update(directory: string): void {
    const before = [...watchers.keys()].join();
    for (const watched of watchers.keys()) if (!existsSync(watched)) remove(watched);
    if (existsSync(directory)) {
      for (const entry of readdirSync(directory, { withFileTypes: true })) {
        if (entry.isDirectory()) add(path.join(directory, entry.name));
      }
    }
    if ([...watchers.keys()].join() !== before) onChange(directory);
  }

  for (const directory of directories) add(directory);
  return {
    renew(directory) {
      remove(directory);
      if (!existsSync(directory)) return;
      add(directory);
      onChange(directory);
    },
    close() {
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}
