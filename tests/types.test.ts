/** What the type checker says to somebody who uses flamejs, in the settings that applications have. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode } from './support/processes.ts';
import { settles } from './support/wait-for.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
let folder: string;
beforeAll(() => {
  // Below the repository, so that the packages are found as in an application that has installed them.
  mkdirSync(join(root, 'reports'), { recursive: true });
  folder = mkdtempSync(join(root, 'reports/types-'));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FILES: Readonly<Record<string, string>> = {
  'package.json': '{"type":"module"}',
  'flame.config.ts': `import { defineConfig, duration } from 'flamejs';
import { local } from 'flamejs/local';
export default defineConfig({
  app: 'types',
  pools: { images: { max: 4, timeout: '5 s', backend: local() }, mail: { timeout: duration('1m') } },
});
`,
  'flame.ts': `import { createFlame, type Flame } from 'flamejs';
import config from './flame.config.js';
export const flame: Flame = createFlame(config);
declare module 'flamejs' {
  interface Register { config: typeof import('./flame.config.js').default }
}
`,
  'right.ts': `import type { CallHandle, FlameStream } from 'flamejs';
import { flame } from './flame.js';
export const resize = flame.fn('resize', { pool: 'images' }, async (image: Uint8Array, width: number, crop?: boolean) => image.slice(width, crop ? 1 : 2));
export const value: Promise<Uint8Array> = flame.call(resize, new Uint8Array(), 640);
export const cropped: Promise<Uint8Array> = flame.call(resize.with({ timeout: '5s' }), new Uint8Array(), 640, true);
export const handle: Promise<CallHandle<Uint8Array>> = flame.cast(resize, new Uint8Array(), 640);
export const sum: Promise<number> = flame.call(flame.pool('mail'), (a: number, b: number) => a + b, 1, 2);
export const all: AsyncIterable<Uint8Array> = flame.map(resize, [[new Uint8Array(), 1]], { concurrency: 2 });
export const tokens = flame.fn('tokens', { pool: 'mail', resumable: true }, async function* (prompt: string) {
  for (const word of prompt.split(' ')) yield word;
  return 3;
});
export const lines = flame.fn('lines', { pool: 'mail' }, (n: number): ReadableStream<Uint8Array> => new ReadableStream());
export const steps = flame.fn('steps', { pool: 'mail' }, function* (n: number) { yield n; });
export const stream: FlameStream<string, number> = flame.stream(tokens, 'a b');
export const bytes: AsyncIterable<Uint8Array> = flame.stream(lines, 1);
export const numbers: ReadableStream<number> = flame.stream(steps, 1).readable;
export const words: FlameStream<string, number> = flame.stream(flame.pool('mail'), async function* (a: string) { yield a; return 1; }, 'a');
export const kept: Promise<CallHandle<number>> = flame.cast(tokens, 'a b');
export const again: AsyncIterable<string> = flame.attach<number>('mail.x').stream<string>({ from: 3 });
export const untyped = flame.call(resize as any, 'whatever');
`,
  'wrong.ts': `import { defineConfig } from 'flamejs';
import { flame } from './flame.js';
import { resize, tokens } from './right.js';
void flame.call(resize, new Uint8Array(), 'wide');
void flame.call(resize, new Uint8Array());
void flame.cast(resize, 'photo', 640);
void flame.call(resize, new Uint8Array(), 640, true, 1);
void flame.call(flame.pool('mail'), (a: number) => a, 'one');
flame.pool('mial');
flame.fn('a', { pool: 'imagse' }, () => 1);
flame.fn('b', { timeout: '5 sec' }, () => 1);
flame.fn('c', { pool: 'mail' }, (): (() => number) => () => 1);
defineConfig({ app: 'x', pools: { main: { maxx: 1 } } });
void flame.call(tokens, 'a');
void flame.stream(resize, new Uint8Array(), 1);
void flame.stream(tokens, 1);
flame.fn('d', { pool: 'mail' }, async function* () { yield () => 1; });
`,
};

/** Line by line, what is said first. */
const WRONG: readonly (readonly [line: number, said: RegExp])[] = [
  [4, /Argument of type 'string' is not assignable to parameter of type 'number'/],
  [5, /Expected 3-4 arguments, but got 2/],
  [6, /Argument of type 'string' is not assignable to parameter of type 'Uint8Array/],
  [7, /Expected 3-4 arguments, but got 5/],
  [8, /Argument of type 'string' is not assignable to parameter of type 'number'/],
  [9, /Argument of type '"mial"' is not assignable to parameter of type '"images" \| "mail"'/],
  [10, /'"imagse"' is not assignable to type '"images" \| "mail"/],
  [11, /'"5 sec"' is not assignable to type/],
  [12, /functions cannot be sent to another machine/],
  [13, /'maxx' does not exist in type 'PoolInput'/],
  [14, /this function yields items: use flame.stream/],
  [15, /Expected 2 arguments, but got 3|this function yields nothing: use flame.call/],
  [16, /Argument of type 'number' is not assignable to parameter of type 'string'/],
  [17, /functions cannot be sent to another machine/],
];

test.each([
  ['node16', { module: 'node16' }],
  ['nodenext', { module: 'nodenext' }],
  ['bundler', { module: 'esnext', moduleResolution: 'bundler' }],
])('A-10: with %s, what is right passes, and each mistake is an error about what is wrong', async (name, module) => {
  const compilerOptions = { ...module, strict: true, exactOptionalPropertyTypes: true, target: 'es2023', noEmit: true };
  const more = { types: ['node'], skipLibCheck: true, noUncheckedIndexedAccess: true };
  const config = { compilerOptions: { ...compilerOptions, ...more }, include: ['*.ts'] };
  writeFileSync(join(folder, `tsconfig.${name}.json`), JSON.stringify(config));
  await using tsc = await startNode(join(root, 'node_modules/typescript/bin/tsc'), {
    args: ['-p', `tsconfig.${name}.json`, '--pretty', 'false'],
    cwd: folder,
  });
  await settles(tsc.exited, { what: 'the type checker', timeoutMs: 120_000 });
  const said = [...tsc.output().matchAll(/^(\S+)\((\d+),\d+\): error \w+: ([\s\S]*?)(?=^\S|$(?![\s\S]))/gm)].map(
    ([, file, line, text = '']) => ({ file, line: Number(line), text }),
  );
  expect(said.filter(({ file }) => file !== 'wrong.ts')).toEqual([]);
  expect(said.map(({ line }) => line)).toEqual(WRONG.map(([line]) => line));
  for (const [at, [, pattern]] of WRONG.entries()) expect(said[at]?.text).toMatch(pattern);
});
