/** Tells of every module of an application that is edited, added or taken away. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, extname, relative } from 'node:path';
import { watch } from 'chokidar';

const MODULE = /^\.([cm]?[jt]sx?|node|wasm)$/;
const DATA = '.json';
/** An editor, a formatter and a compiler write one after the other; runners are replaced once. */
const SETTLE_MS = 150;

export interface SourceWatcher {
  /** Resolves when changes are seen. Rejects when the system allows no (more) watching. */
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

/**
 * @param folders looked through deeply, without `node_modules` and hidden folders
 * @param onChange told of what has changed since it was told last
 */
export const watchSources = (
  folders: readonly string[],
  onChange: (files: readonly string[]) => void,
): SourceWatcher => {
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch([...folders], {
    ignoreInitial: true,
    followSymlinks: false,
    ignored: (path, stats) => isForeign(path, folders) || (stats?.isFile() === true && !isSource(path)),
  });
  const note = (path: string): void => {
    changed.add(path);
    clearTimeout(timer);
    timer = setTimeout(() => {
      const files = [...changed];
      changed.clear();
      onChange(files);
    }, SETTLE_MS);
  };
  watcher.on('add', note).on('change', note).on('unlink', note);
  return {
    ready: new Promise((resolve, reject) => {
      watcher.once('ready', () => resolve()).once('error', reject);
    }),
    stop() {
      clearTimeout(timer);
      return watcher.close();
    },
  };
};

const isForeign = (path: string, folders: readonly string[]): boolean => {
  const [inner = path] = folders
    .map((folder) => relative(folder, path))
    .filter((inside) => !inside.startsWith('..'))
    .sort((a, b) => a.length - b.length);
  return inner.split(/[\\/]/).some((part) => part === 'node_modules' || (part.startsWith('.') && part.length > 1));
};

/** Data counts where modules stand beside it: what functions write elsewhere is no reason to replace their runner. */
const isSource = (path: string): boolean =>
  MODULE.test(extname(path)) || (extname(path) === DATA && hasModules(dirname(path)));

const hasModules = (folder: string): boolean =>
  existsSync(folder) && readdirSync(folder).some((name) => MODULE.test(extname(name)));

/** @returns whether one of the files is a config of Flame, which only a new start reads. */
export const namesConfig = (files: readonly string[]): boolean =>
  files.some((file) => /^flame\.config\.[cm]?[jt]s$/.test(basename(file)));
