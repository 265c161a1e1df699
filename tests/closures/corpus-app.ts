/** The application that the programs of the corpus stand in, and the ways in which it is run. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileOf, type Program } from './corpus.ts';

const FILES: Readonly<Record<string, string>> = {
  'package.json': '{ "name": "corpus", "type": "module" }',
  'tsconfig.json': '{ "compilerOptions": { "target": "esnext" } }',
  'flame.config.mjs': `
import { defineConfig } from '@flamejs/queue';
export default defineConfig({
  app: 'corpus',
  redis: process.env.FLAME_REDIS_URL,
  functions: ['./programs/**/*.ts', './programs/*.tsx', './programs/*.cjs'],
  pools: { main: { max: 1, maxConcurrency: 1, timeout: '60s', bootTimeout: '120s' } },
});
`,
  // In place a call calls its function; on a runner and inline it is Flame's.
  'flame.ts': `
import { createFlame } from '@flamejs/queue';
import config from './flame.config.mjs';
const way = process.env.CORPUS_WAY;
const call = async (target: any, ...given: any[]) =>
  typeof target === 'function' ? target(...given) : given[0](...given.slice(1));
const inPlace = {
  pool: () => ({}),
  call,
  cast: async (...given: [any]) => ({ result: () => call(...given) }),
  fn: (...given: any[]) => given.at(-1),
  async *map(_: any, fn: any, inputs: any[]) { for (const input of inputs) yield fn(input); },
  close: async () => {},
};
export const flame: any = way === 'place' ? inPlace : createFlame(config, way === 'inline' ? { mode: 'inline' } : {});
export const p = flame.pool('main');
(globalThis as any).corpus = { flame, p };
`,
  // CommonJS cannot load the facade; on a runner nothing but the function runs, and it makes no calls.
  'flame.cjs': `
exports.flame = Object.fromEntries(['call', 'cast', 'map'].map((name) => [name, (...given) => globalThis.corpus.flame[name](...given)]));
exports.p = new Proxy({}, { has: (_, key) => key in globalThis.corpus.p, get: (_, key) => globalThis.corpus.p[key] });
`,
  'helpers.ts': `
export const twice = (n: number): number => n * 2;
export default function label(n: number): string { return 'label ' + n; }
export class Box { constructor(private readonly n: number) {} get(): number { return this.n; } }
export enum Fit { Cover = 'cover', Contain = 1 }
export interface Shape { readonly n: number }
export let count = 0;
export const bump = (): void => { count++; };
`,
  'report.mjs': `
import { inspect } from 'node:util';
const show = (value) => inspect(value, { depth: 12, breakLength: Infinity, compact: 20, sorted: true });
const failed = (error) => 'throws ' + (error instanceof Error ? [error.name, error.message, error.cause?.message].join(': ') : show(error));
/** Runs programs, a few at a time; a line for each, with what came of it. */
export async function report(programs) {
  const waiting = [...programs];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [id, load] = next;
      const said = await load().then(({ run, default: whole }) => (run ?? whole.run)()).then(show, failed);
      console.log(JSON.stringify({ id, said }));
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
}
`,
};

/** Writes the application with these programs into a folder. */
export async function writeApp(root: string, programs: readonly Program[]): Promise<void> {
  await mkdir(join(root, 'programs'), { recursive: true });
  const importOf = (program: Program): string => JSON.stringify(`./${fileOf(program)}`);
  const list = programs.map((each) => `  [${JSON.stringify(each.id)}, () => import(${importOf(each)})],`);
  const main = `import { flame } from './flame.ts';\nimport { report } from './report.mjs';\nreport([\n${list.join('\n')}\n]).then(() => flame.close());\n`;
  const files = [...Object.entries(FILES), ['main.ts', main] as const];
  for (const [name, text] of files) await writeFile(join(root, name), text);
  for (const program of programs) {
    await mkdir(dirname(join(root, fileOf(program))), { recursive: true });
    await writeFile(join(root, fileOf(program)), program.code);
  }
}

/** @returns what the programs came to, by id, from the output of `main`. */
export const reported = (output: string): ReadonlyMap<string, string> =>
  new Map(
    output
      .split('\n')
      .filter((line) => line.startsWith('{"id"'))
      .map((line) => JSON.parse(line) as { readonly id: string; readonly said: string })
      .map(({ id, said }) => [id, said]),
  );
