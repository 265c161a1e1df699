/** What kind of application a folder holds, as far as its files tell. Reads, and changes nothing. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Compiler, readCompiler } from './read-compiler.ts';

export type Language = 'ts' | 'js';
export type ModuleKind = 'esm' | 'commonjs';
export type Manager = 'npm' | 'pnpm' | 'yarn' | 'bun';
export const KINDS = ['script', 'express', 'fastify', 'hono', 'next', 'nest', 'vite'] as const;
export type Kind = (typeof KINDS)[number];

export interface App {
  readonly root: string;
  /** Of its package, else of its folder. */
  readonly name: string;
  readonly kind: Kind;
  readonly testRunner: 'vitest' | 'jest' | undefined;
  readonly manager: Manager;
  readonly language: Language;
  readonly modules: ModuleKind;
  /** `type` of its package.json. */
  readonly type: string | undefined;
  readonly compiler: Compiler;
  /** It has a folder `src`. */
  readonly hasSrc: boolean;
  readonly has: (dependency: string) => boolean;
}

export interface Chosen {
  readonly language?: Language | undefined;
  readonly modules?: ModuleKind | undefined;
  readonly kind?: Kind | undefined;
}

export const describeApp = (root: string, chosen: Chosen = {}): App => {
  const manifest = readManifest(root);
  const dependencies = { ...manifest.dependencies, ...manifest.devDependencies };
  const has = (name: string): boolean => Object.hasOwn(dependencies, name);
  const compiler = readCompiler(join(root, 'tsconfig.json'));
  const language = chosen.language ?? (existsSync(join(root, 'tsconfig.json')) ? 'ts' : 'js');
  return {
    root,
    name: manifest.name ?? basename(root),
    kind: chosen.kind ?? SIGNS.find(([, sign]) => has(sign))?.[0] ?? 'script',
    testRunner: has('vitest') ? 'vitest' : has('jest') ? 'jest' : undefined,
    manager: managerOf(root, manifest.packageManager),
    language,
    modules: chosen.modules ?? (language === 'js' && requires(root, manifest) ? 'commonjs' : 'esm'),
    type: manifest.type,
    compiler,
    hasSrc: existsSync(join(root, 'src')),
    has,
  };
};

/** The first that is there decides: an application of Next or Nest may have others among its packages. */
const SIGNS: readonly (readonly [Kind, string])[] = [
  ['next', 'next'],
  ['nest', '@nestjs/core'],
  ['fastify', 'fastify'],
  ['hono', 'hono'],
  ['express', 'express'],
  ['vite', 'vite'],
];

interface Manifest {
  readonly name?: string;
  readonly type?: string;
  readonly main?: string;
  readonly packageManager?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const readManifest = (root: string): Manifest => {
  try {
    return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  } catch {
    // No package, or none that can be read: the folder has a name too.
    return {};
  }
};

/** What it is written in: `npm init` says `commonjs` of every package. ES modules can be required, so either works. */
const requires = (root: string, { type, main = 'index.js' }: Manifest): boolean => {
  if (type === 'module') return false;
  try {
    return /\brequire\(|\bmodule\.exports\b/.test(readFileSync(join(root, main), 'utf8'));
  } catch {
    return false;
  }
};

const LOCKS: readonly (readonly [string, Manager])[] = [
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
  ['package-lock.json', 'npm'],
];
const MANAGER = /^(npm|pnpm|yarn|bun)\b/;

/** What its package names, else the nearest lock file (that of a workspace is above), else what runs this command. */
const managerOf = (root: string, named: string | undefined): Manager => {
  const byName = (text = ''): Manager | undefined => MANAGER.exec(text)?.[1] as Manager | undefined;
  return byName(named) ?? byLock(root) ?? byName(process.env.npm_config_user_agent) ?? 'npm';
};

const byLock = (root: string): Manager | undefined => {
  for (let folder = root; ; folder = dirname(folder)) {
    const found = LOCKS.find(([lock]) => existsSync(join(folder, lock)));
    if (found !== undefined) return found[1];
    if (folder === dirname(folder) || existsSync(join(folder, '.git'))) return undefined;
  }
};
