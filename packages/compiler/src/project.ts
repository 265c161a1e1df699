/** What is the same for every file of an application. */
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
  return { root, typescript, options: { ...parsed, aliases: [...parsed.aliases, ...typescript.aliases] } };
}
