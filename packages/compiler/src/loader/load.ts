/** What every way of loading does with one file: decide whether it is ours, compile it, say what is to be warned about. */
import { readFileSync } from 'node:fs';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileSource } from '../compile.ts';
import { formatProblem } from '../frame.ts';
import { modulePath } from '../identity.ts';
import { languageOf, needsStripping } from '../language.ts';
import { moduleFormat } from '../module-format.ts';
import { mentionsFlame } from '../options.ts';
import type { Project } from '../project.ts';
import { withInlineMap } from '../source-map.ts';

export interface LoaderSettings {
  readonly project: Project;
  /** Absolute path of the file that the process starts with. */
  readonly entry: string | undefined;
  /** Receives one formatted warning. */
  readonly warn: (text: string, code: string) => void;
}

export interface OpenedFile {
  readonly format: 'esm' | 'cjs';
  /** @returns what to run in place of the file, with its source map; `undefined` when the file is fine as it is. */
  compile(): string | undefined;
}

export interface FileLoader {
  /**
   * @param file absolute path.
   * @returns the file when it is the application's own and may need compiling; `undefined` for every other.
   */
  open(file: string): OpenedFile | undefined;
}

/** This package's own folder: it must not compile itself while it is being loaded. */
const OWN = fileURLToPath(new URL('..', import.meta.url));
const INSTALLED = `${sep}node_modules${sep}`;

export function createFileLoader({ project, entry, warn }: LoaderSettings): FileLoader {
  const concerns = (file: string): boolean => {
    if (file.includes(INSTALLED) || file.startsWith(OWN) || languageOf(file) === undefined) return false;
    return needsStripping(file) || modulePath(file, project.root) !== undefined;
  };
  return {
    open(file) {
      if (!concerns(file)) return undefined;
      const code = withoutMark(readFileSync(file, 'utf8'));
      if (!needsStripping(file) && !mentionsFlame(code, project.options)) return undefined;
      const format = moduleFormat(file, code);
      return { format, compile: () => compile(file, code, format) };
    },
  };

  function compile(file: string, code: string, format: 'esm' | 'cjs'): string | undefined {
    const { code: compiled, map, warnings } = compileSource({ file, code, project, format, entry: file === entry });
    const shown = modulePath(file, project.root) ?? file;
    for (const warning of warnings) warn(formatProblem(warning, shown, code), warning.code);
    return map === undefined ? undefined : withInlineMap(compiled, map);
  }
}

/** A byte order mark is allowed in a file and not in what is compiled in its place. */
const withoutMark = (code: string): string => (code.startsWith('\uFEFF') ? code.slice(1) : code);
