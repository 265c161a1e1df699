/** Where the application begins: ids are relative to it, so every way of compiling must find the same folder. */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const CONFIGS = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'].map((extension) => `flame.config.${extension}`);

/**
 * @returns `FLAME_ROOT` when it is set; else the nearest folder above `from` with a flame.config file, else with a
 * package.json, else `from` itself. Links are followed, because module loaders do.
 */
export function findAppRoot(from: string, env: NodeJS.ProcessEnv = process.env): string {
  const fixed = env.FLAME_ROOT;
  if (fixed !== undefined && fixed !== '') return real(resolve(fixed));
  const folders = [...upwards(resolve(from))];
  const found =
    folders.find((folder) => CONFIGS.some((name) => existsSync(join(folder, name)))) ??
    folders.find((folder) => existsSync(join(folder, 'package.json')));
  return real(found ?? resolve(from));
}

/** The folder itself, then each above it. */
export function* upwards(folder: string): Generator<string> {
  for (let each = folder; ; each = dirname(each)) {
    yield each;
    if (each === dirname(each)) return;
  }
}

function real(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    // It does not exist: nothing will be found in it either, and the first import says so with its name.
    return folder;
  }
}
