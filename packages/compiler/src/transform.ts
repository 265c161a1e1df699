/** The compiler itself: source in, source out, nothing read from disk. */
import { parseSync } from 'oxc-parser';
import { captureList } from './captures.ts';
import { type CheckedJob, type Declared, emit } from './emit.ts';
import { FlameCompileError } from './errors.ts';
import { hashClosure } from './hash.ts';
import { findJobs, type Job } from './jobs.ts';
import { type Language, languageOf } from './language.ts';
import { checkLexical } from './lexical.ts';
import { createModuleState } from './module-state.ts';
import { checkMutation } from './mutation.ts';
import { mentionsFlame, type ParsedOptions, parseOptions } from './options.ts';
import { fnCaptures, isGenerator, type Problem, type Report, standsInEntry } from './problems.ts';
import { createRecogniser } from './recognise.ts';
import { analyze } from './scope/analyze.ts';

export interface TransformInput {
  readonly code: string;
  /** For messages and the source map; its extension says how to parse it, where `language` does not. */
  readonly file: string;
  readonly language?: Language | undefined;
  /** Path of the file relative to the application root, with `/`: the first part of every id. */
  readonly module: string;
  /** How the runtime is loaded. `auto` (default): `import` in a file with ES module syntax or an `.mjs`, else `require`. */
  readonly format?: 'esm' | 'cjs' | 'auto' | undefined;
  /** The file is where the process starts: a flame call in it is warned about. */
  readonly entry?: boolean | undefined;
  readonly options?: ParsedOptions | undefined;
}

export interface Transformed {
  /** The same language as the input: types and JSX are kept. */
  readonly code: string;
  readonly map: ReturnType<typeof emit>['map'];
  readonly functions: readonly Declared[];
  readonly warnings: readonly Problem[];
}

/**
 * @returns the compiled file; `undefined` when it has no flame call with a function in it, or does not parse (whoever reads
 * it next reports syntax errors better).
 * @throws FlameCompileError with every error of the file.
 */
export function transform(input: TransformInput): Transformed | undefined {
  const { code, file, module, entry = false, options = parseOptions() } = input;
  const lang = input.language ?? languageOf(file);
  if (lang === undefined || !mentionsFlame(code, options) || !METHOD.test(code)) return undefined;
  const sourceType = /\.c[jt]s$/.test(file) ? 'commonjs' : lang === 'jsx' ? 'unambiguous' : 'module';
  const parsed = parseSync(file, code, { lang, sourceType, astType: 'ts', preserveParens: true });
  if (parsed.errors.some(({ severity }) => String(severity) === 'Error')) return undefined;
  const { program } = parsed;
  const esm = isEsm(input, parsed.module.staticImports.length + parsed.module.staticExports.length > 0);

  const analysis = analyze(program, { strict: parsed.module.hasModuleSyntax });
  const problems = createProblemList();
  const jobs = findJobs(analysis, createRecogniser(analysis, module, options), problems.report);
  const state = createModuleState(analysis);
  const checked = jobs.map((job) => check(job));
  const [first] = jobs;
  if (entry && first !== undefined && !/\bisRunner\b/.test(code)) problems.report(standsInEntry(first.call.node));
  if (problems.errors.length > 0) {
    throw new FlameCompileError(problems.errors, file, code, problems.warnings);
  }
  if (checked.length === 0) return undefined;
  const emitted = emit({
    code,
    file,
    module,
    program,
    jobs: checked,
    esm,
    runtime: options.runtime,
    strict: analysis.root.strict,
    names: analysis.names,
  });
  return { ...emitted, warnings: problems.warnings };

  function check(job: Job): CheckedJob {
    if (job.kind === 'named') return { ...job, captures: [], hash: '' };
    const { fn, call } = job;
    if (fn.generator) problems.report(isGenerator(fn));
    const { captures, references, outside } = captureList(fn, call.scope, analysis, state, problems.report);
    const [first] = references;
    if (job.method === 'fn' && first !== undefined) problems.report(fnCaptures(first.node, first.name));
    checkLexical(fn, call.scope, problems.report);
    checkMutation(fn, references, analysis, problems.report);
    const { strict } = call.scope;
    return { ...job, captures, hash: hashClosure(fn, captures, strict ? outside : [...outside, 'sloppy']) };
  }
}

/** Parsing is most of the cost, so a file without any of these words is done. */
const METHOD = /\b(?:call|cast|map|fn|schedule|placeChild|stream)\b/;

function isEsm({ format = 'auto', file }: TransformInput, hasModuleSyntax: boolean): boolean {
  if (format !== 'auto') return format === 'esm';
  if (/\.c[jt]s$/.test(file)) return false;
  return hasModuleSyntax || /\.m[jt]s$/.test(file);
}

/** Keeps one of what nested closures report twice, in the order of the source. */
function createProblemList() {
  const seen = new Map<string, Problem>();
  const report: Report = (problem) => {
    seen.set(`${problem.code}:${problem.start}`, problem);
  };
  const only = (severity: Problem['severity']): readonly Problem[] =>
    [...seen.values()].filter((each) => each.severity === severity).sort((a, b) => a.start - b.start);
  return {
    report,
    get errors() {
      return only('error');
    },
    get warnings() {
      return only('warning');
    },
  };
}
