/** What every way of loading does with one file: decide whether it is ours, compile it, say what is to be warned about. */
import { readFileSync } from 'node:fs';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileSource, hasFlameCalls } from '../compile.ts';
import { formatProblem } from '../frame.ts';
import { modulePath } from '../identity.ts';
import { languageOf, needsStripping } from '../language.ts';
import { type ModuleFormat, moduleFormat } from '../module-format.ts';
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
  /** By Node's own rules. A loader underneath may have others. */
  readonly format: ModuleFormat;
  /** Node cannot run it as it stands; another loader may. */
  readonly isTypeScript: boolean;
  /** Whether it has flame calls. What has none is for the loader underneath, if there is one. */
  readonly hasCalls: boolean;
  /** @returns what to run in place of the file, with its source map; `undefined` when the file is fine as it is. */
  compile(format?: ModuleFormat): string | undefined;
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
      return {
        format,
        isTypeScript: needsStripping(file),
        get hasCalls() {
          return hasFlameCalls(file, code, project);
        },
        compile: (decided = format) => compile(file, code, decided),
      };
    },
  };

  function compile(file: string, code: string, format: ModuleFormat): string | undefined {
    const { code: compiled, map, warnings } = compileSource({ file, code, project, format, entry: file === entry });
    const shown = modulePath(file, project.root) ?? file;
    for (const warning of warnings) warn(formatProblem(warning, shown, code), warning.code);
    return map === undefined ? undefined : withInlineMap(compiled, map);
  }
}

/** @returns the format that a loader underneath has decided for; `undefined` for what is no module. */
export function formatOf(format: string | null | undefined): ModuleFormat | undefined {
  if (format?.startsWith('module')) return 'esm';
  return format?.startsWith('commonjs') ? 'cjs' : undefined;
}

/** Whether a loader underneath has taken the types off, too. */
export const isFinished = (format: string | null | undefined): boolean => format === 'module' || format === 'commonjs';

/** Whether an error says that no loader underneath reads this kind of file. */
export const isUnread = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_UNKNOWN_FILE_EXTENSION';

/** A byte order mark is allowed in a file and not in what is compiled in its place. */
const withoutMark = (code: string): string => (code.startsWith('\uFEFF') ? code.slice(1) : code);
