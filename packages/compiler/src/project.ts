/** What is the same for every file of an application. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type CompilerOptions, type ParsedOptions, parseOptions } from './options.ts';
import { readTypeScriptSettings, type TypeScriptSettings } from './tsconfig.ts';

export interface Project {
  /** Absolute, links followed. Ids are relative to it. */
  readonly root: string;
  readonly options: ParsedOptions;
  readonly typescript: TypeScriptSettings;
}

/** Reads tsconfig.json once; its `paths` count as ways into the application. */
export function openProject(root: string, options: CompilerOptions = {}): Project {
  const typescript = readTypeScriptSettings(root);
  const parsed = parseOptions(options);
  const runtime = runtimeOf(root, parsed.runtime);
  return { root, typescript, options: { ...parsed, runtime, aliases: [...parsed.aliases, ...typescript.aliases] } };
}

/** Where pnpm has installed `flamejs` alone, its parts cannot be imported by their own names. */
function runtimeOf(root: string, own: string): string {
  const { resolve } = createRequire(join(root, 'package.json'));
  const found = [own, 'flamejs/closures'].find((name) => {
    try {
      return resolve(name) !== '';
    } catch {
      return false;
    }
  });
  return found ?? own;
}
