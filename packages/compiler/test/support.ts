import { FlameCompileError } from '../src/errors.ts';
import { type CompilerOptions, parseOptions } from '../src/options.ts';
import { type Transformed, type TransformInput, transform } from '../src/transform.ts';

/** Two lines, so that a closure of a test starts in line 3. */
export const HEAD = `import { createFlame } from '@flamejs/queue';\nexport const flame = createFlame(), p = flame.pool('x');\n`;

type Overrides = Partial<Omit<TransformInput, 'options'>> & { readonly options?: CompilerOptions };

/** Compiles a file as it stands. */
export const compileText = (code: string, { options, ...rest }: Overrides = {}): Transformed | undefined =>
  transform({ code, file: 'src/a.tsx', module: 'src/a.tsx', ...rest, options: parseOptions(options) });

/** Compiles a body under `HEAD`; fails when there was nothing to do. */
export function compile(body: string, overrides: Overrides = {}): Transformed {
  const result = compileText(HEAD + body, overrides);
  if (result === undefined) throw new Error(`nothing was compiled in: ${body}`);
  return result;
}

/** Codes of the errors that a body is refused with, in the order of the source. */
export const errorsOf = (body: string, overrides: Overrides = {}): readonly string[] =>
  errorsOfText(HEAD + body, overrides);

/** The same of a file as it stands. */
export function errorsOfText(code: string, overrides: Overrides = {}): readonly string[] {
  try {
    compileText(code, overrides);
    return [];
  } catch (error) {
    if (!(error instanceof FlameCompileError)) throw error;
    return error.problems.map(({ code }) => code);
  }
}

export const warningsOf = (body: string): readonly string[] => compile(body).warnings.map(({ code }) => code);

export const capturesOf = (body: string): readonly (readonly string[])[] =>
  compile(body).functions.map(({ captures }) => captures);

/** Number of functions that a file's flame calls have. */
export const countOf = (code: string, overrides: Overrides = {}): number =>
  compileText(code, overrides)?.functions.length ?? 0;
