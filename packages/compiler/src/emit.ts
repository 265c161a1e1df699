/**
 * Rewrites a file: each inline function is moved, its text unchanged, into a factory at the end of the module whose only
 * parameters are the captured variables. Factories are function declarations, so calls at module level and cyclic imports
 * find them. Everything else stays where it is, and the source map says so.
 */
import MagicString, { type SourceMap } from 'magic-string';
import type { Program } from 'oxc-parser';
import { positionOf } from './frame.ts';
import { functionId } from './identity.ts';
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
  readonly runtime: string;
  /** Names that new ones must not equal. */
  readonly names: ReadonlySet<string>;
}

export interface Emitted {
  readonly code: string;
  readonly map: SourceMap;
  readonly functions: readonly Declared[];
}

export function emit({ code, file, module, program, jobs, esm, runtime, names }: EmitInput): Emitted {
  const taken = new Set(names);
  const unique = (base: string): string => {
    let name = base;
    for (let n = 0; taken.has(name); n++) name = `${base}_${n}`;
    taken.add(name);
    return name;
  };
  const text = new MagicString(code, { filename: file });
  const local = unique('__flame');
  const functions = new Map<string, Declared>();
  const registrations = new Map<string, string>();

  // Innermost first, so that a nested function has left its parent before the parent moves.
  const order = [...jobs].sort((a, b) => nodeOf(b).start - nodeOf(a).start);
  for (const job of order) {
    const { captures, name, hash } = job;
    const id = functionId({ module, name, hash });
    const node = nodeOf(job);
    const { line } = positionOf(code, node.start);
    const quoted = JSON.stringify(id);
    functions.set(id, { id, name, captures, line });
    if (job.kind === 'named') {
      text.appendLeft(node.start, `${local}.named(${quoted}, `).appendRight(node.end, ')');
      registrations.set(id, `[${quoted}, () => ${name.slice(1)}, null, ${line}]`);
      continue;
    }
    const factory = unique('__flame_fn');
    const list = captures.length === 0 ? '{}' : `{ ${captures.join(', ')} }`;
    text.appendLeft(node.start, `${local}.ref(${quoted}, ${factory}, ${list})`);
    text.prependRight(node.start, `\nfunction ${factory}(${captures.length === 0 ? '' : list}) { return `);
    text.appendLeft(node.end, '; }');
    text.move(node.start, node.end, code.length);
    registrations.set(id, `[${quoted}, ${factory}, ${JSON.stringify(captures)}, ${line}]`);
  }

  const load = esm
    ? `import * as ${local} from ${JSON.stringify(runtime)};`
    : `const ${local} = require(${JSON.stringify(runtime)});`;
  const list = [...registrations.values()].reverse().join(', ');
  const head = `${load} ${local}.reg(${JSON.stringify(module)}, [${list}]);`;
  const at = prologueEnd(code, program);
  const startsLine = at === 0 || code.startsWith('\uFEFF');
  text.appendLeft(at, startsLine && at <= 1 ? `${head} ` : `\n${head}`);

  return {
    code: text.toString(),
    map: text.generateMap({ hires: 'boundary', source: file, includeContent: true }),
    functions: [...functions.values()].reverse(),
  };
}

const nodeOf = (job: Job) => (job.kind === 'inline' ? job.fn : job.expression);

/** Where code may start: after a byte order mark, a `#!` line and directives. */
function prologueEnd(code: string, { hashbang, body }: Program): number {
  let end = hashbang?.end ?? (code.startsWith('\uFEFF') ? 1 : 0);
  for (const statement of body) {
    if (statement.type !== 'ExpressionStatement' || typeof statement.directive !== 'string') break;
    end = statement.end;
  }
  return end;
}
