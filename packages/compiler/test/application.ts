/** Small applications on disk, run by real Node processes: what the loader and the bundler plugins are tested with. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { upwards } from '../src/root.ts';

const repository = resolve(import.meta.dirname, '../../..');

export interface Application {
  readonly root: string;
  path(name: string): string;
  write(files: Readonly<Record<string, string>>): void;
  /** Runs Node in the application's root. */
  node(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Makes a package of this repository importable. */
  link(name: string): void;
  remove(): void;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Default: the Node that runs the tests. */
  readonly binary?: string;
}

export interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param files by path; a package.json of type module is written unless given. */
export function createApplication(files: Readonly<Record<string, string>>): Application {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'flame-compiler-')));
  const modules = join(root, 'node_modules');
  mkdirSync(join(modules, '@flamejs'), { recursive: true });
  const link = (name: string): void => symlinkSync(realpathSync(installed(name)), join(modules, name));
  for (const name of ['@flamejs/queue', '@flamejs/compiler', 'tsx']) link(name);
  const path = (name: string): string => join(root, name);
  const write = (more: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(more)) {
      mkdirSync(dirname(path(name)), { recursive: true });
      writeFileSync(path(name), text);
    }
  };
  write({ 'package.json': '{"type":"module"}', ...files });
  return {
    root,
    path,
    write,
    link,
    node: (args, { env = {}, binary = process.execPath } = {}) => run(binary, args, root, env),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Far beyond what any of these processes takes; a hang must fail the test, not the whole run. */
const TIMEOUT_MS = 60_000;

export function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Outcome> {
  const { NODE_OPTIONS: _, FLAME_ROOT: __, VITEST: ___, ...inherited } = process.env;
  const child = spawn(command, args, {
    cwd,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  return new Promise((resolved, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolved({ exitCode, stdout, stderr }));
  });
}

export const binary = (name: string): string => installed(`.bin/${name}`);

/** In the nearest node_modules that has it: a copy of the repository has only its own packages. */
function installed(name: string): string {
  const folders = [...upwards(repository)].map((folder) => join(folder, 'node_modules', name));
  return folders.find((path) => existsSync(path)) ?? join(repository, 'node_modules', name);
}

/**
 * Stands for the application's own flame.ts. It runs closures at once, from a structured clone of their captures, as a
 * runner would, and prints the id; a function that was not compiled is refused as the facade does.
 */
export const FLAME = `
interface Closure { readonly id: string; readonly captures: object; readonly factory: (captures: object) => (...args: unknown[]) => unknown }
const isClosure = (value: unknown): value is Closure => typeof value === 'object' && value !== null && 'factory' in value;
export const ids: string[] = [];
function run(...args: unknown[]): unknown {
  const at = args.findIndex(isClosure);
  const closure = args[at];
  if (!isClosure(closure)) throw new Error('NOT COMPILED');
  ids.push(closure.id);
  return closure.factory(structuredClone(closure.captures))(...args.slice(at + 1));
}
export const flame = {
  isRunner: false,
  call: (...args: unknown[]): Promise<any> => run(...args) as Promise<any>,
  fn: <F>(...args: [...unknown[], F]): F => ((...more: unknown[]) => run(args.at(-1), ...more)) as F,
};
`;

/** One application for every way of compiling: an enum, a captured object, an imported function, a flame.fn, an error. */
export const THUMBS = {
  'src/flame.ts': FLAME,
  'src/resize.ts': `export enum Fit { Cover = 'cover' }
export function resize(n: number): number { return n * 2; }
export async function crop(n: number): Promise<number> { return n - 1; }
`,
  'src/thumbs.ts': `import { flame } from './flame.js';
import { crop, Fit, resize } from './resize.js';

interface Options { readonly size: number }
const images = 'images';
export const double = flame.fn({}, async (x: number): Promise<number> => resize(x));

export async function makeThumb(image: string, { size }: Options): Promise<string> {
  return flame.call(images, async () => {
    const out: string = \`\${image} \${resize(size)} \${Fit.Cover}\`;
    return out;
  });
}
export const cropped = (n: number): Promise<number> => flame.call(images, crop, n);
export function fail(why: string): Promise<unknown> {
  return flame.call(images, async () => {
    const message: string = why;
    throw new Error(message /* line 18 */);
  });
}
`,
  'src/main.ts': `import { ids } from './flame.js';
import { cropped, double, fail, makeThumb } from './thumbs.js';
async function main(): Promise<void> {
  const results = [await makeThumb('a.jpg', { size: 4 }), await double(4), await cropped(4)];
  let stack = '';
  try { await fail('boom'); } catch (error) { stack = (error as Error).stack ?? ''; }
  console.log(JSON.stringify({ results, ids, stack }));
}
main();
`,
} as const;

export const RESULTS = ['a.jpg 8 cover', 8, 3];

export interface Report {
  readonly results: unknown;
  readonly ids: readonly string[];
  readonly stack: string;
}

/** Reads what `src/main.ts` printed. */
export function reportOf({ stdout, stderr, exitCode }: Outcome): Report {
  const line = stdout.split('\n').find((each) => each.startsWith('{"results"'));
  if (line === undefined) throw new Error(`no report (exit ${exitCode}):\n${stdout}\n${stderr}`);
  return JSON.parse(line) as Report;
}

/** Ids that do not depend on how the application was compiled, from the compiler itself. */
export const EXPECTED_NAMES = [
  'src/thumbs.ts#makeThumb/0',
  'src/thumbs.ts#double',
  'src/thumbs.ts#=crop',
  'src/thumbs.ts#fail/0',
];
