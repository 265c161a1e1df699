/**
 * What the type stripper leaves and Node cannot run: standard decorators and `accessor`, and `import` in a file that is loaded
 * as CommonJS. esbuild does both, as in tsx. Its command is run for just those files, and ends with each: its service would
 * be a child of every process that loads modules.
 */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseSync } from 'oxc-parser';
import { runningChildren } from './ast.ts';
import { nodeTarget } from './language.ts';
import { priorMap, type RawMap, withoutMapComment } from './source-map.ts';

export interface Lowered {
  readonly code: string;
  readonly map: RawMap;
}

/**
 * @param code JavaScript.
 * @param toCommonjs whether `import` and `export` have to become `require` and `exports`.
 * @returns `undefined` when Node runs the code as it is.
 * @throws SyntaxError with the place.
 */
export function lower(file: string, code: string, toCommonjs: boolean): Lowered | undefined {
  if (!toCommonjs && !hasDecorators(file, code)) return undefined;
  const args = [
    '--loader=js',
    `--target=${nodeTarget}`,
    '--sourcemap=inline',
    `--sourcefile=${file}`,
    '--log-level=error',
  ];
  if (toCommonjs) {
    const url = JSON.stringify(pathToFileURL(file).href);
    args.push('--format=cjs', '--platform=node', `--define:import.meta.url=${url}`);
  }
  const output = run(args, code);
  const map = priorMap(file, output);
  if (map === undefined) throw new SyntaxError(`${file}: esbuild returned no source map`);
  return { code: withoutMapComment(output), map };
}

function hasDecorators(file: string, code: string): boolean {
  if (!/@|\baccessor\b/.test(code)) return false;
  const { program } = parseSync(`${file}.js`, code, { lang: 'js', sourceType: 'unambiguous', astType: 'ts' });
  const waiting = runningChildren(program);
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node.type === 'Decorator' || node.type === 'AccessorProperty') return true;
    waiting.push(...runningChildren(node));
  }
  return false;
}

/** An optional peer, which tsx brings: most applications have neither decorators nor `import` in CommonJS files. */
function esbuildManifest(): string {
  try {
    return createRequire(import.meta.url).resolve('esbuild/package.json');
  } catch (error) {
    const message = 'decorators and `import` in CommonJS files take esbuild: npm install esbuild (tsx brings it, too)';
    throw new SyntaxError(message, { cause: error });
  }
}

function run(args: readonly string[], input: string): string {
  const command = join(dirname(esbuildManifest()), 'bin/esbuild');
  try {
    return execFileSync(command, args, {
      input,
      encoding: 'utf8',
      maxBuffer: MAX_OUTPUT,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    throw new SyntaxError(said || `esbuild could not be run: ${String(error)}`, { cause: error });
  }
}

/** Of one file with its source map; a source of many megabytes is data. */
const MAX_OUTPUT = 256 * 1024 * 1024;
