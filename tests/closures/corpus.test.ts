/**
 * Wherever a function runs, it comes to what it comes to in its place: hundreds of small programs are run uncompiled, inline,
 * on a real runner, and from the output of every bundler. A program is refused with a code, or its value is the same.
 */
import { mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FlameCompileError, transform } from '@flamejs/compiler';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode } from '../support/processes.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { bySize } from '../support/tier.ts';
import { settles } from '../support/wait-for.ts';
import { fileOf, type Program, readCorpus } from './corpus.ts';
import { reported, writeApp } from './corpus-app.ts';
import { CORPUS_BUILDS, type CorpusBuild } from './corpus-bundlers.ts';

const RUNNER_MAIN = fileURLToPath(import.meta.resolve('@flamejs/runner/main'));
const REGISTER = import.meta.resolve('@flamejs/compiler/register');
const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
/** Of a batch of some hundred programs, on a machine that does much else. */
const TIMEOUT_MS = 240_000;

const corpus = readCorpus();
const refused = corpus.filter((each) => each.refused !== undefined);
// The same few functions in every place come in hundreds; a push takes a share of those, spread over all of them.
const accepted = corpus
  .filter((each) => each.refused === undefined)
  .filter(({ id }, n) => bySize({ push: !id.startsWith('closures-') || n % 11 === 0, nightly: true }));

let redis: RedisServer;
let root: string;
let inPlace: ReadonlyMap<string, string>;
beforeAll(async () => {
  redis = await startRedis();
  root = await realpath(await mkdtemp(join(tmpdir(), 'flame-corpus-')));
  await symlink(MODULES, join(root, 'node_modules'));
  await writeApp(root, accepted);
  inPlace = await run('place', 'main.ts', ['--import', 'tsx']);
}, TIMEOUT_MS);
afterAll(async () => {
  await redis.stop();
  await rm(root, { recursive: true, force: true });
});

const envOf = (way: string) => ({
  CORPUS_WAY: way,
  FLAME_REDIS_URL: redis.url,
  FLAME_RELEASE: 'r1',
  FLAME_CONFIG: join(root, 'flame.config.mjs'),
  NODE_NO_WARNINGS: '1',
});

async function run(way: string, entry: string, nodeArgs: readonly string[]): Promise<ReadonlyMap<string, string>> {
  await using program = await startNode(join(root, entry), { cwd: root, nodeArgs, env: envOf(way) });
  const { code } = await settles(program.exited, { what: `${entry} (${way})`, timeoutMs: TIMEOUT_MS });
  expect(code, program.output().slice(-4_000)).toBe(0);
  return reported(program.output());
}

/** One message for all programs that differ, with their text. */
function expectSame(programs: readonly Program[], said: ReadonlyMap<string, string>): void {
  const different = programs
    .filter(({ id }) => said.get(id) !== inPlace.get(id))
    .map(({ id, title, code }) => `${id} ${title}\n  in place ${inPlace.get(id)}\n  here     ${said.get(id)}\n${code}`);
  expect(different, different.join('\n')).toEqual([]);
}

test('the corpus is large, and each of its programs runs in its place', () => {
  expect(corpus.length).toBeGreaterThan(900);
  expect(new Set(corpus.map(({ title }) => title)).size).toBeGreaterThan(900);
  expect(inPlace.size).toBe(accepted.length);
  // What does not parse in its place shows nothing; one program throws such an error itself.
  const broken = accepted.filter(({ id }) => /^throws (?:Syntax|Transform|Reference)Error/.test(inPlace.get(id) ?? ''));
  expect(broken.map(({ title }) => title)).toEqual(['rejects']);
});

test.each(refused.map((each) => [each.title, each] as const))('refused: %s', (_, program) => {
  const file = fileOf(program);
  const codes = (() => {
    try {
      transform({ code: program.code, file, module: file });
      return [];
    } catch (error) {
      if (error instanceof FlameCompileError) return error.problems.map(({ code }) => code);
      throw error;
    }
  })();
  expect(codes.length, program.code).toBeGreaterThan(0);
  expect(new Set(codes)).toEqual(new Set([program.refused]));
});

test('every program is compiled: none of them runs because it was left as it is', () => {
  // `flame.fn` with a name needs no compiler.
  const left = accepted.filter(({ code, ...each }) => {
    return transform({ code, file: fileOf({ code, ...each }), module: fileOf({ code, ...each }) }) === undefined;
  });
  expect(left.map(({ title }) => title)).toEqual(['flame.fn with a name']);
});

test(
  'inline, every program comes to what it comes to in its place',
  async () => {
    expectSame(accepted, await run('inline', 'main.ts', ['--import', REGISTER]));
  },
  TIMEOUT_MS,
);

test(
  'on a runner, every program comes to what it comes to in its place',
  async () => {
    await using _runner = await startNode(RUNNER_MAIN, {
      cwd: root,
      nodeArgs: ['--import', REGISTER],
      env: { ...envOf('runner'), FLAME_POOL: 'main' },
    });
    expectSame(accepted, await run('runner', 'main.ts', ['--import', REGISTER]));
  },
  TIMEOUT_MS,
);

const bundlers = bySize({ push: ['esbuild', 'esbuild-commonjs', 'rollup'], nightly: Object.keys(CORPUS_BUILDS) });

test.each(bundlers)(
  'from the output of %s, every program comes to what it comes to in its place',
  async (bundler) => {
    const { script, kinds, output, except = [] } = CORPUS_BUILDS[bundler] as CorpusBuild;
    const programs = accepted.filter(({ kind, title }) => kinds.includes(kind) && !except.includes(title));
    const folder = `out-${bundler}`;
    await writeApp(root, programs);
    await writeFile(join(root, `build-${bundler}.mjs`), script.replaceAll('OUT', folder));
    await using build = await startNode(join(root, `build-${bundler}.mjs`), { cwd: root, env: { FLAME_ROOT: root } });
    const { code } = await settles(build.exited, { what: `a build with ${bundler}`, timeoutMs: TIMEOUT_MS });
    expect(code, build.output().slice(-6_000)).toBe(0);
    expectSame(programs, await run('inline', `${folder}/main.${output}`, []));
  },
  TIMEOUT_MS,
);
