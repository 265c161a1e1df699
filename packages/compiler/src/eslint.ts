/**
 * For eslint.config.js: the loader's own errors and warnings, in the editor. It reads the file's text, so it works with any
 * parser.
 *
 *   import flame from '@flamejs/compiler/eslint';
 *   export default [flame.configs.recommended];
 */
import { dirname } from 'node:path';
import { FlameCompileError } from './errors.ts';
import { modulePath } from './identity.ts';
import { languageOf } from './language.ts';
import { type CompilerOptions, mentionsFlame } from './options.ts';
import type { Problem, Severity } from './problems.ts';
import { openProject, type Project } from './project.ts';
import { findAppRoot } from './root.ts';
import { transform } from './transform.ts';

/** The parts of ESLint that are used, so that this package needs none of its types. */
interface RuleContext {
  readonly filename: string;
  readonly sourceCode: { readonly text: string; getLocFromIndex(index: number): SourceLocation };
  readonly options: readonly unknown[];
  report(finding: {
    readonly loc: { readonly start: SourceLocation; readonly end: SourceLocation };
    readonly message: string;
  }): void;
}
interface SourceLocation {
  readonly line: number;
  readonly column: number;
}
interface Rule {
  readonly meta: {
    readonly type: 'problem';
    readonly docs: { readonly description: string };
    readonly schema: readonly object[];
  };
  create(context: RuleContext): { readonly Program: () => void };
}

const SCHEMA = [
  {
    type: 'object',
    properties: {
      sources: { type: 'array', items: { type: 'string' } },
      aliases: { type: 'array', items: { type: 'string' } },
    },
    additionalProperties: false,
  },
];

const rule = (severity: Severity, description: string): Rule => ({
  meta: { type: 'problem', docs: { description }, schema: SCHEMA },
  create: (context) => ({
    Program() {
      const { sourceCode, filename } = context;
      for (const problem of problemsOf(filename, sourceCode.text, context.options[0])) {
        if (problem.severity !== severity) continue;
        const { code, start, end, message, help } = problem;
        const loc = { start: sourceCode.getLocFromIndex(start), end: sourceCode.getLocFromIndex(end) };
        context.report({ loc, message: `${code}: ${message}${help === undefined ? '' : `. Help: ${help}`}` });
      }
    },
  }),
});

/** Both rules ask about the same text one after the other; the second answer is the first. */
let last: { readonly key: string; readonly problems: readonly Problem[] } | undefined;

/** @param given checked by ESLint against the schema. */
function problemsOf(file: string, code: string, given: unknown): readonly Problem[] {
  const key = [file, JSON.stringify(given ?? null), code].join('\0');
  if (last?.key !== key) last = { key, problems: check(file, code, (given ?? {}) as CompilerOptions) };
  return last.problems;
}

function check(file: string, code: string, given: CompilerOptions): readonly Problem[] {
  if (languageOf(file) === undefined) return [];
  const { root, options } = projectOf(dirname(file), given);
  if (!mentionsFlame(code, options)) return [];
  try {
    return transform({ code, file, module: modulePath(file, root) ?? file, options })?.warnings ?? [];
  } catch (error) {
    if (error instanceof FlameCompileError) return [...error.problems, ...error.warnings];
    throw error;
  }
}

const projects = new Map<string, Project>();

function projectOf(folder: string, given: CompilerOptions): Project {
  const key = `${folder}\0${JSON.stringify(given)}`;
  const known = projects.get(key) ?? openProject(findAppRoot(folder), given);
  projects.set(key, known);
  return known;
}

const rules = {
  capture: rule('error', 'Captures that cannot be shipped to another machine'),
  'remote-state': rule('warning', 'Changes that stay on the other machine'),
};

const plugin = {
  meta: { name: '@flamejs/compiler' },
  rules,
  configs: {
    recommended: {
      name: 'flame/recommended',
      plugins: {} as Record<string, unknown>,
      rules: { 'flame/capture': 'error', 'flame/remote-state': 'warn' } as const,
    },
  },
};
plugin.configs.recommended.plugins.flame = plugin;

export default plugin;
