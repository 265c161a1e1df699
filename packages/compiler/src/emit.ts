/**
 * Rewrites a file: each inline function is moved, its text unchanged, into a factory at the end of the module whose only
 * parameters are the captured variables. Factories are function declarations, so calls at module level and cyclic imports
 * find them. Everything else stays where it is, and the source map says so.
 */
import { formatFunctionId } from '@flamejs/protocol/function-id';
import MagicString, { type SourceMap } from 'magic-string';
import type { Program } from 'oxc-parser';
import { positionOf } from './frame.ts';
import type { Job } from './jobs.ts';

export interface Declared {
  readonly id: string;
  readonly name: string;
  readonly captures: readonly string[];
  /** Counted from 1. */
  readonly line: number;
}

/** A job that has passed all checks. */
export type CheckedJob = Job & { readonly captures: readonly string[]; readonly hash: string };

export interface EmitInput {
  readonly code: string;
  readonly file: string;
  readonly module: string;
  readonly program: Program;
  readonly jobs: readonly CheckedJob[];
  readonly esm: boolean;
  /** Whether code at module level is strict. */
  readonly strict: boolean;
  readonly runtime: string;
  /** Names that new ones must not equal. */
  readonly names: ReadonlySet<string>;
}

export interface Emitted {
  readonly code: string;
  readonly map: SourceMap;
  readonly functions: readonly Declared[];
}

export function emit({ code, file, module, program, jobs, esm, strict, runtime, names }: EmitInput): Emitted {
  const counts = new Map<string, number>();
  const unique = (base: string): string => {
    for (;;) {
      const n = counts.get(base) ?? 0;
      counts.set(base, n + 1);
      const name = n === 0 ? base : `${base}_${n - 1}`;
      if (!names.has(name)) return name;
    }
  };
  const text = new MagicString(code, { filename: file });
  const local = unique('__flame');
  const outer = unique('__flame_captures');
  const functions = new Map<string, Declared>();
  const registrations = new Map<string, string>();

  // Innermost first, so that a nested function has left its parent before the parent moves.
  const order = [...jobs].sort((a, b) => nodeOf(b).start - nodeOf(a).start);
  for (const job of order) {
    const { captures, name, hash } = job;
    const id = formatFunctionId({ module, name, hash });
    const node = nodeOf(job);
    const { line } = positionOf(code, node.start);
    const quoted = JSON.stringify(id);
    functions.set(id, { id, name, captures, line });
    if (job.kind === 'named') {
      text.appendLeft(node.start, `${local}.named(${quoted}, `).appendRight(node.end, ')');
      registrations.set(id, `[${quoted}, () => ${code.slice(node.start, node.end)}, null, ${line}]`);
      continue;
    }
    const factory = unique('__flame_fn');
    const list = captures.length === 0 ? '{}' : `{ ${captures.join(', ')} }`;
    text.appendLeft(node.start, `${local}.ref(${quoted}, ${factory}, ${list})`);
    const parameter = captures.length === 0 ? '' : list;
    // In its place the function was strict, and at the end of the file it would not be. A function with a pattern among its
    // parameters may not say so itself.
    const start =
      strict || !job.call.scope.strict
        ? `${factory}(${parameter}) {`
        : `${factory}(${outer}) { "use strict";${parameter === '' ? '' : ` const ${list} = ${outer};`}`;
    text.prependRight(node.start, `\nfunction ${start} return `);
    text.appendLeft(node.end, '; }');
    text.move(node.start, node.end, code.length);
    registrations.set(id, `[${quoted}, ${factory}, ${JSON.stringify(captures)}, ${line}]`);
  }

  const load = esm
    ? `import * as ${local} from ${JSON.stringify(runtime)};`
    : `const ${local} = require(${JSON.stringify(runtime)});`;
  const list = [...registrations.values()].reverse().join(', ');
  const head = `${load} ${local}.reg(${JSON.stringify(module)}, [${list}]);`;
  text.appendLeft(firstStatement(program), `${head} `);

  return {
    code: text.toString(),
    map: text.generateMap({ hires: 'boundary', source: file, includeContent: true }),
    functions: [...functions.values()].reverse(),
  };
}

const nodeOf = (job: Job) => (job.kind === 'inline' ? job.fn : job.expression);

/**
 * Where code may start: before the first statement that is no directive. Comments above it stay where they are, for some speak
 * to compilers about the whole file: `@jsx`, `@ts-nocheck`.
 */
function firstStatement({ body, end }: Program): number {
  for (const statement of body) {
    if (statement.type === 'ExpressionStatement' && typeof statement.directive === 'string') continue;
    // Decorators stand before `export`, which is where such a statement is said to start.
    const declaration = 'declaration' in statement ? statement.declaration : statement;
    const decorators = declaration?.type === 'ClassDeclaration' ? declaration.decorators : [];
    return Math.min(statement.start, ...decorators.map(({ start }) => start));
  }
  return end;
}
