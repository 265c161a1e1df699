/**
 * The closures of the image-resize example end to end: under the loader, and built by each bundler for a runner that has
 * nothing but the build's manifest. Everywhere the same functions have the same ids, and stacks name lines of the source.
 */
import { cp, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { poolKeys } from '@flamejs/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode } from '../support/processes.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { bySize } from '../support/tier.ts';
import { settles } from '../support/wait-for.ts';
import { BUILDS } from './bundlers.ts';

const RUNNER_MAIN = fileURLToPath(import.meta.resolve('@flamejs/runner/main'));
const REGISTER = import.meta.resolve('@flamejs/compiler/register');
const EXAMPLE = fileURLToPath(new URL('../../examples/image-resize/', import.meta.url));
const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));

let redis: RedisServer;
let folder: string;
beforeAll(async () => {
  redis = await startRedis();
  folder = await realpath(await mkdtemp(join(tmpdir(), 'flame-bundled-')));
});
afterAll(async () => {
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A copy of the example; its path counts neither for ids nor for hashes. */
const copyExample = async (name: string): Promise<string> => {
  const root = join(folder, name);
  await cp(EXAMPLE, root, { recursive: true, filter: (path) => !/node_modules|\/out$/.test(path) });
  await symlink(MODULES, join(root, 'node_modules'));
  // It extends that of the repository.
  await rm(join(root, 'tsconfig.json'));
  return root;
};

interface Way {
  readonly root: string;
  readonly entry: string;
  readonly nodeArgs: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a runner, runs the program, and says what it printed and under which ids its calls went. */
const runThe = async ({ root, entry, nodeArgs, env = {} }: Way) => {
  const client = redis.client();
  await client.flushall();
  const shared = { FLAME_REDIS_URL: redis.url, REDIS_URL: redis.url, FLAME_RELEASE: 'r1', ...env };
  await using runner = await startNode(RUNNER_MAIN, {
    cwd: root,
    nodeArgs,
    env: { ...shared, FLAME_CONFIG: join(root, 'flame.config.ts'), FLAME_POOL: 'images' },
  });
  await using program = await startNode(join(root, entry), { cwd: root, nodeArgs, env: shared });
  const { code } = await settles(program.exited, { what: entry, timeoutMs: 60_000 });
  const output = program.output();
  expect(code, `${output}\n--- runner\n${runner.output()}`).toBe(0);
  const { queue } = poolKeys('flame', 'image-resize', 'images');
  const calls = [
    ...(await client.zrange(`${queue}completed`, '0', '-1')),
    ...(await client.zrange(`${queue}failed`, '0', '-1')),
  ];
  const names = await Promise.all(calls.map((id) => client.hget(`${queue}${id}`, 'name')));
  expect(calls).toHaveLength(3);
  return { output, ids: [...new Set(names)] };
};

const lineOf = async (file: string, text: string): Promise<number> => {
  const lines = (await readFile(join(EXAMPLE, file), 'utf8')).split('\n');
  return lines.findIndex((line) => line.includes(text)) + 1;
};

const checkOutput = async (output: string): Promise<void> => {
  for (const name of ['rocket.jpg', 'chelsea.png']) expect(output).toMatch(new RegExp(`${name}: \\d{3,} bytes, WEBP`));
  // The error of the third one: the line on the runner that threw it, and the line of the call here.
  const [remote = '', local = ''] = output.slice(output.indexOf('truncated.jpg:')).split('-- called from --');
  expect(remote).toContain('UnreadableImageError: 400 bytes are not a readable image');
  expect(remote).toContain(`src/to-webp.ts:${await lineOf('src/to-webp.ts', 'throw new UnreadableImageError')}:`);
  expect(local).toContain(`src/thumbnails.ts:${await lineOf('src/thumbnails.ts', 'flame.call(images')}:`);
};

test('the closures of the example run under the loader and from every bundle, under the same ids, and errors name lines of the source on both sides', async () => {
  const plain = await runThe({
    root: await copyExample('register'),
    entry: 'src/few.ts',
    nodeArgs: ['--import', REGISTER],
  });
  await checkOutput(plain.output);
  expect(plain.ids).toEqual([expect.stringMatching(/^src\/thumbnails\.ts#thumbnail\/0@[\w-]{12}$/)]);
  const bundlers = bySize({ push: ['esbuild', 'rollup'], nightly: Object.keys(BUILDS) });
  for (const bundler of bundlers) {
    const root = await copyExample(bundler);
    await writeFile(join(root, 'build.mjs'), BUILDS[bundler] ?? '');
    await using build = await startNode(join(root, 'build.mjs'), { cwd: root, env: { FLAME_ROOT: undefined } });
    expect((await build.exited).code, build.output()).toBe(0);
    // What was built must do without its sources; the config is read as it is.
    await rm(join(root, 'src/thumbnails.ts'));
    await rm(join(root, 'src/to-webp.ts'));
    const env = { FLAME_MANIFEST: './out/flame-manifest.json' };
    const built = await runThe({ root, entry: 'out/few.js', nodeArgs: ['--enable-source-maps'], env });
    expect(built.ids, bundler).toEqual(plain.ids);
    await checkOutput(built.output);
  }
}, 240_000);
