/** A module that makes calls at its top level, where the application means to start: runners load it for its functions. */
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode } from '../support/processes.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { settles, waitFor } from '../support/wait-for.ts';

const RUNNER_MAIN = fileURLToPath(import.meta.resolve('@flamejs/runner/main'));
const REGISTER = import.meta.resolve('@flamejs/compiler/register');
const repository = resolve(import.meta.dirname, '../..');

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const FILES = {
  'package.json': '{ "name": "loading", "type": "module" }',
  'flame.config.mjs': `
import { defineConfig } from '@flamejs/queue';
export default defineConfig({
  app: process.env.FLAME_APP,
  redis: process.env.FLAME_REDIS_URL,
  functions: process.env.FLAME_TEST_FUNCTIONS ? [process.env.FLAME_TEST_FUNCTIONS] : [],
  pools: { main: { maxConcurrency: 3, timeout: '20s' } },
});
`,
  'src/flame.ts': `
import { createFlame } from '@flamejs/queue';
import config from '../flame.config.mjs';
export const flame = createFlame(config);
`,
  'src/boots.mjs': `
import { createFlame } from '@flamejs/queue';
import config from '../flame.config.mjs';
const flame = createFlame(config);
export const inner = flame.fn('inner', {}, () => 1);
export const answer = await flame.call(inner).catch((error) => error.code);
export const tell = flame.fn('tell', {}, () => answer);
`,
};

const checkOut = async (main: string): Promise<AsyncDisposable & { readonly root: string }> => {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'flame-loading-')));
  await symlink(join(repository, 'node_modules'), join(root, 'node_modules'));
  for (const [name, text] of Object.entries({ ...FILES, 'src/main.ts': main })) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
};

let apps = 0;
/** Runs the application to its end, beside a runner. @returns what it printed, and all jobs that there ever were */
const run = async (main: string, functions = 'src/main.ts') => {
  await using checkout = await checkOut(main);
  const { root } = checkout;
  apps += 1;
  const FLAME_APP = `loading-${apps}`;
  const env = { FLAME_REDIS_URL: redis.url, FLAME_APP, FLAME_RELEASE: 'r1', FLAME_TEST_FUNCTIONS: functions };
  const FLAME_CONFIG = join(root, 'flame.config.mjs');
  await using _runner = await startNode(RUNNER_MAIN, { cwd: root, env: { ...env, FLAME_CONFIG, FLAME_POOL: 'main' } });
  await using app = await startNode(join(root, 'src/main.ts'), { cwd: root, env, nodeArgs: ['--import', REGISTER] });
  const { code } = await settles(app.exited, { what: 'the application to end', timeoutMs: 60_000 });
  const queue = `{flame:${FLAME_APP}:main}:main:`;
  const client = redis.client();
  await waitFor(async () => (await client.llen(`${queue}active`)) + (await client.llen(`${queue}wait`)) === 0, {
    what: 'nothing to run or wait',
  });
  const jobs = (await client.zcard(`${queue}completed`)) + (await client.zcard(`${queue}failed`));
  return { code, output: app.output(), jobs };
};

const HEAD = `
import { flame } from './flame.ts';
const print = (value: unknown): void => console.log('printed', JSON.stringify(value));
`;

test('C-11: a call at the top level of the module that holds its function is refused where the runner loads it, and made once', async () => {
  const { output, jobs } = await run(`${HEAD}
print(await flame.call(flame.pool('main'), () => 'ran').then((value) => value, (error) => error.code));
await flame.close();
`);
  expect(output).toContain('printed "ran"');
  expect(jobs).toBe(1);
});

test('C-11: where the module does not catch it, the runner does not start and says why', async () => {
  await using checkout = await checkOut(`${HEAD}
await flame.call(flame.pool('main'), () => 'ran');
print('after');
`);
  const { root } = checkout;
  const env = {
    ...{ FLAME_REDIS_URL: redis.url, FLAME_APP: 'loading-alone', FLAME_RELEASE: 'r1' },
    ...{ FLAME_TEST_FUNCTIONS: 'src/main.ts', FLAME_CONFIG: join(root, 'flame.config.mjs'), FLAME_POOL: 'main' },
  };
  await using runner = await startNode(RUNNER_MAIN, { cwd: root, env });
  const { code } = await settles(runner.exited, { what: 'the runner to end', timeoutMs: 60_000 });
  expect(code).not.toBe(0);
  expect(runner.output()).toMatch(/src\/main\.ts cannot be loaded: FlameCallLoopError/);
  expect(runner.output()).not.toContain('printed "after"');
  expect(await redis.client().keys('{flame:loading-alone:main}:main:*')).toEqual([]);
});

test('C-11: what a module casts and does not await is refused as well', async () => {
  const { output, jobs } = await run(`${HEAD}
const made = flame.cast(flame.pool('main'), () => 'cast').then((handle) => handle.result(), (error) => error.code);
if (!flame.isRunner) {
  print(await flame.call(flame.pool('main'), () => made));
  await made;
  await flame.close();
}
`);
  // In the runner, 'made' is what became of its own cast.
  expect(output).toContain('printed "FLAME_ERR_CALL_LOOP"');
  expect(jobs).toBe(2);
});

test('C-11: a module of `functions` that calls while it is loaded meets the same error', async () => {
  const { output } = await run(
    `
import { createFlame } from '@flamejs/queue';
import config from '../flame.config.mjs';
const flame = createFlame(config);
const tell = flame.fn('tell', {}, () => 'local');
console.log('printed', await flame.call(tell));
await flame.close();
`,
    'src/boots.mjs',
  );
  expect(output).toContain('printed FLAME_ERR_CALL_LOOP');
});
