/**
 * Small programs with a flame call, one for each thing that moving a function could change. A file of the folder `corpus` has
 * many: `@kind` says what they are, `# title` begins one, and `! FLAME101` after a title says that it is refused. A program
 * that is a function alone stands in a default place, where a few variables are in reach; those of kind `places` stand in
 * every place below, in ES modules and in CommonJS.
 */
import { readdirSync, readFileSync } from 'node:fs';

export type Kind = 'ts' | 'tsx' | 'cjs';

export interface Program {
  /** Names its file, too: `syntax-12`, or `app/(shop)/[id]/page`. */
  readonly id: string;
  readonly title: string;
  readonly kind: Kind;
  /** The whole module. It exports `run`. */
  readonly code: string;
  /** Code of the problem that it is refused with. */
  readonly refused: string | undefined;
}

const FOLDER = new URL('corpus/', import.meta.url);

/** @returns all programs, in a fixed order. */
export const readCorpus = (): readonly Program[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.txt'))
    .sort()
    .flatMap((name) => readGroup(name.replace('.txt', ''), readFileSync(new URL(name, FOLDER), 'utf8')));

export const fileOf = ({ id, kind }: Program): string => `programs/${id}.${kind}`;

function readGroup(group: string, text: string): readonly Program[] {
  const [head = '', ...sections] = text.split(/^# /m);
  const kind = /^@kind (\w+)/.exec(head)?.[1];
  return sections.flatMap((section, n): readonly Program[] => {
    const end = section.indexOf('\n');
    const [, title = '', refused] = /^(.*?)(?: ! (FLAME\d+))?$/.exec(section.slice(0, end)) ?? [];
    const body = section.slice(end + 1).trim();
    // There the title is the path of the file, without its extension.
    if (kind === 'paths') return [{ id: title, title, kind: 'ts', code: moduleOf(body, 'ts', title), refused }];
    if (kind === 'places') return inEveryPlace(`${group}-${n}`, title, body);
    const own: Kind = kind === 'tsx' || kind === 'cjs' ? kind : 'ts';
    return [{ id: `${group}-${n}`, title, kind: own, code: moduleOf(body, own), refused }];
  });
}

function moduleOf(body: string, kind: Kind, path = ''): string {
  const root = '../'.repeat(path.split('/').length);
  const whole = /export (?:const|function) run\b|exports\.run\b/.test(body) ? body : DEFAULT_PLACE(body);
  if (kind === 'cjs')
    return `const { flame, p } = require('../flame.cjs');\n${whole.replace('export const run =', 'exports.run =')}\n`;
  // Comments for compilers come first.
  const [, pragmas = '', rest = ''] = /^((?:\/\*\*[^\n]*\n)?)([\s\S]*)$/.exec(whole) ?? [];
  return `${pragmas}import { flame, p } from '${root}flame.ts';\n${rest}\n`;
}

const DEFAULT_PLACE = (fn: string): string =>
  `export const run = (a = 1, b = 'two', list = [3, 4, 5], o = { x: 1, y: { z: [2] } }) => flame.call(p, ${fn});`;

const inEveryPlace = (id: string, title: string, fn: string): readonly Program[] =>
  (['ts', 'cjs'] as const).flatMap((kind) =>
    Object.entries(PLACES).map(([place, write], n) => ({
      id: `${id}-${kind}-${n}`,
      title: `${title}, in ${place} (${kind})`,
      kind,
      code: moduleOf(`const MODULE = 'module';\n${write(fn)}`, kind),
      refused: undefined,
    })),
  );

const LOCALS = `const a = 1, b = 'two', list = [3, 4, 5];`;

const PLACES: Readonly<Record<string, (fn: string) => string>> = {
  'a function': (fn) =>
    `function go(a, b, list) { return flame.call(p, ${fn}); } export const run = () => go(1, 'two', [3, 4, 5]);`,
  'an arrow function with a pattern': (fn) =>
    `export const run = ({ a, b, list } = { a: 1, b: 'two', list: [3, 4, 5] }) => flame.call(p, ${fn});`,
  'a function with locals': (fn) => `export const run = () => { ${LOCALS} return flame.call(p, ${fn}); };`,
  'a function with let and var': (fn) =>
    `export const run = () => { let a = 0; var b = 'one', list; a = 1; b = 'two'; list = [3, 4, 5]; return flame.call(p, ${fn}); };`,
  'a strict function': (fn) => `export const run = () => { 'use strict'; ${LOCALS} return flame.call(p, ${fn}); };`,
  'a method': (fn) =>
    `class C { go(a, b, list) { return flame.call(p, ${fn}); } } export const run = () => new C().go(1, 'two', [3, 4, 5]);`,
  'a static method': (fn) =>
    `class C { static go(a) { const b = 'two', list = [3, 4, 5]; return flame.call(p, ${fn}); } } export const run = () => C.go(1);`,
  'a private method': (fn) =>
    `class C { #go(a, b, list) { return flame.call(p, ${fn}); } go() { return this.#go(1, 'two', [3, 4, 5]); } } export const run = () => new C().go();`,
  'a constructor': (fn) =>
    `class C { constructor(a, b, list) { this.r = flame.call(p, ${fn}); } } export const run = () => new C(1, 'two', [3, 4, 5]).r;`,
  'a field': (fn) =>
    `class C { go = (a, b, list) => flame.call(p, ${fn}); } export const run = () => new C().go(1, 'two', [3, 4, 5]);`,
  'a static block': (fn) =>
    `let go; class C { static { ${LOCALS} go = () => flame.call(p, ${fn}); } } export const run = () => go();`,
  'a getter': (fn) =>
    `export const run = () => { ${LOCALS} const t = { get go() { return flame.call(p, ${fn}); } }; return t.go; };`,
  'a computed key': (fn) =>
    `export const run = async () => { ${LOCALS} const t = { [String(await flame.call(p, () => a))]: await flame.call(p, ${fn}) }; return t; };`,
  'a loop': (fn) =>
    `export const run = async () => { const all = []; const b = 'two', list = [3, 4, 5]; for (const a of [1, 2]) all.push(await flame.call(p, ${fn})); return all; };`,
  'a loop that counts': (fn) =>
    `export const run = async () => { const all = []; const b = 'two', list = [3, 4, 5]; for (let a = 1; a < 3; a++) all.push(flame.call(p, ${fn})); return (await Promise.allSettled(all)).map((r) => r.value ?? String(r.reason)); };`,
  'a catch clause': (fn) =>
    `export const run = () => { try { throw { a: 1, b: 'two' }; } catch ({ a, b }) { const list = [3, 4, 5]; return flame.call(p, ${fn}); } };`,
  'a generator': (fn) =>
    `function* g(a, b) { const list = [3, 4, 5]; yield flame.call(p, ${fn}); } export const run = () => g(1, 'two').next().value;`,
  'an async generator': (fn) =>
    `async function* g(a, b) { const list = [3, 4, 5]; yield await flame.call(p, ${fn}); } export const run = async () => (await g(1, 'two').next()).value;`,
  'a switch in a labelled block': (fn) =>
    `export const run = (k = 1) => { block: { switch (k) { case 1: ${LOCALS} return flame.call(p, ${fn}); default: break block; } } };`,
  'three functions': (fn) =>
    `export const run = () => { const a = 1; return (() => { const b = 'two'; return (function () { const list = [3, 4, 5]; return flame.call(p, ${fn}); })(); })(); };`,
  'a default value': (fn) => `export const run = (a = 1, b = 'two', list = [3, 4, 5], r = flame.call(p, ${fn})) => r;`,
  'a callback': (fn) =>
    `export const run = async () => (await Promise.allSettled([1, 2].map((a, n) => { const b = 'two', list = [3, 4, 5]; return flame.call(p, ${fn}); }))).map((r) => r.value ?? String(r.reason));`,
  'a template and a spread': (fn) =>
    `export const run = async () => { ${LOCALS} return [\`\${[...[await flame.call(p, ${fn})]].length}\`, await flame.call(p, ${fn})]; };`,
};
