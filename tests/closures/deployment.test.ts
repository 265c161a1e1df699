/**
 * A deployment while calls are made: callers and runners of two releases at once, as two checkouts of one application. Every
 * outcome is that of the table in section 8 of the design of closures; nothing runs a text that its caller did not compile.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode, startProcess, type TestProcess } from '../support/processes.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Checkout, checkOut, type Release } from './releases.ts';

const RUNNER_MAIN = fileURLToPath(import.meta.resolve('@flamejs/runner/main'));
const CLI_MAIN = fileURLToPath(new URL('../../packages/cli/dist/main.js', import.meta.url));
const REGISTER = import.meta.resolve('@flamejs/compiler/register');

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

interface Said {
  readonly name: string;
  readonly kind: 'accepted' | 'value' | 'error' | 'status';
  readonly value: unknown;
}

const envOf = ({ root }: Checkout, release: Release | undefined) => ({
  FLAME_REDIS_URL: redis.url,
  FLAME_CONFIG: `${root}/flame.config.mjs`,
  FLAME_ROOT: root,
  FLAME_RELEASE: release,
  NODE_NO_WARNINGS: '1',
});

const startRunner = (checkout: Checkout, release: Release | undefined, pool: string): Promise<TestProcess> =>
  startNode(RUNNER_MAIN, {
    cwd: checkout.root,
    nodeArgs: ['--import', REGISTER],
    env: { ...envOf(checkout, release), FLAME_POOL: pool },
  });

/** A caller that does what it is told line by line. */
const startCaller = async (checkout: Checkout, release: Release | undefined) => {
  const args = ['--import', REGISTER, `${checkout.root}/src/main.ts`];
  const process_ = await startProcess(process.execPath, args, {
    cwd: checkout.root,
    env: envOf(checkout, release),
    input: true,
  });
  const said = (): readonly Said[] =>
    process_
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{"name"'))
      .map((line) => JSON.parse(line) as Said);
  const hear = (name: string, kinds: readonly Said['kind'][]): Promise<Said> =>
    waitFor(() => said().findLast((each) => each.name === name && kinds.includes(each.kind)), {
      what: `${kinds.join(' or ')} of ${name}`,
      found: () => process_.output().slice(-3_000),
    });
  return {
    said,
    async make(name: string, fn: string, pool = 'loose', module = './jobs.ts') {
      process_.child.stdin?.write(`make ${name} ${module} ${fn} ${pool}\n`);
      await hear(name, ['accepted']);
    },
    outcome: async (name: string) => (await hear(name, ['value', 'error'])).value,
    async status(name: string) {
      const before = said().filter(({ kind }) => kind === 'status').length;
      process_.child.stdin?.write(`status ${name}\n`);
      await waitFor(() => said().filter(({ kind }) => kind === 'status').length > before, { what: 'a status' });
      return said().findLast(({ kind }) => kind === 'status')?.value as Record<string, unknown>;
    },
    /** Until the call waits for a runner of its release. */
    async waits(name: string) {
      return waitFor(
        async () => {
          const status = await this.status(name);
          return status.reason === 'needs-release' ? status : undefined;
        },
        { what: `${name} to wait for its release`, found: () => process_.output().slice(-3_000) },
      );
    },
    async [Symbol.asyncDispose]() {
      process_.child.stdin?.write('end\n');
      await process_.stop();
    },
  };
};

test('R-35 SD-13 two releases at once: what is the same runs anywhere, what is not waits for its own release, at no cost, and runs there', async () => {
  await using one = await checkOut('r1');
  await using two = await checkOut('r2');
  await using old = await startRunner(one, 'r1', 'loose');
  await using oldExact = await startRunner(one, 'r1', 'exact');
  await using caller = await startCaller(two, 'r2');

  // The same function: wherever it stands now, and however it is written.
  for (const fn of ['reformatted', 'moved', 'helped']) await caller.make(fn, fn);
  await caller.make('enclosing', 'anotherName');
  await caller.make('kept', 'callKept', 'loose', './named.mjs');
  expect(await caller.outcome('reformatted')).toEqual(['reformatted', 2]);
  expect(await caller.outcome('moved')).toBe('moved');
  expect(await caller.outcome('enclosing')).toBe('renamed outside');
  // What the hash cannot see: the helper is the runner's own, which is what `strict` is for; a name is a contract.
  expect(await caller.outcome('helped')).toBe('helper of r1');
  expect(await caller.outcome('kept')).toBe('kept, as r1 has it');

  const waiting: Readonly<Record<string, readonly [fn: string, pool: string, module: string, value: string]>> = {
    changed: ['changed', 'loose', './jobs.ts', 'the text of r2'],
    captures: ['captures', 'loose', './jobs.ts', 'onetwo'],
    inserted: ['inserted', 'loose', './jobs.ts', 'only in r2'],
    fresh: ['fresh', 'loose', './new-file.ts', 'in a new file'],
    added: ['callAdded', 'loose', './named.mjs', 'added by name in r2'],
    'strict-same': ['moved', 'exact', './jobs.ts', 'moved'],
    'strict-helper': ['helped', 'exact', './jobs.ts', 'helper of r2'],
  };
  for (const [name, [fn, pool, module]] of Object.entries(waiting)) await caller.make(name, fn, pool, module);
  for (const name of Object.keys(waiting)) {
    const status = await caller.waits(name);
    expect(status).toMatchObject({ state: 'waiting', attempts: 0 });
    expect(status.text).toMatch(/^it needs a runner of release r2; the pool's runners have r1, and /);
  }
  // One that may not wait for long ends with the function and both releases in its error; nothing of it has run.
  await caller.make('hasty', 'hasty');
  expect(await caller.outcome('hasty')).toMatchObject({
    name: 'FlameReleaseError',
    message: expect.stringMatching(/src\/jobs\.ts#impatient@.*release r1 has another body.*caller is release r2/),
  });
  expect(old.alive() && oldExact.alive()).toBe(true);

  await using newer = await startRunner(two, 'r2', 'loose');
  await using newerExact = await startRunner(two, 'r2', 'exact');
  for (const [name, [, , , value]] of Object.entries(waiting))
    expect([name, await caller.outcome(name)]).toEqual([name, value]);
  expect(newer.alive() && newerExact.alive()).toBe(true);

  // The other way round: what a caller of the old release still calls goes to its runner, as long as there is one.
  await using late = await startCaller(one, 'r1');
  for (const name of ['removed', 'changed', 'captures']) await late.make(name, name);
  expect(await late.outcome('removed')).toBe('only in r1');
  expect(await late.outcome('changed')).toBe('the text of r1');
  expect(await late.outcome('captures')).toBe('one');
  await old.stop();
  await late.make('gone', 'removed');
  expect((await late.waits('gone')).text).toBe(
    "it needs a runner of release r1; the pool's runners have r2, and release r2 does not have the function",
  );
});

test('R-35 after a deployment in place the autoscaler brings up runners of the release that calls wait for', async () => {
  await using checkout = await checkOut('r1');
  const env = envOf(checkout, undefined);
  await using autoscaler = await startNode(CLI_MAIN, {
    args: ['autoscaler'],
    cwd: checkout.root,
    nodeArgs: ['--import', REGISTER],
    env,
  });
  await using before = await startCaller(checkout, undefined);
  await before.make('first', 'changed', 'rolled');
  expect(await before.outcome('first')).toBe('the text of r1');

  await checkout.deploy('r2');
  await using after = await startCaller(checkout, undefined);
  await after.make('second', 'changed', 'rolled');
  await after.make('third', 'inserted', 'rolled');
  expect(await after.outcome('second')).toBe('the text of r2');
  expect(await after.outcome('third')).toBe('only in r2');
  expect(autoscaler.alive()).toBe(true);

  // What a process of the old release still calls waits, for the disk has no such release any more.
  await before.make('stale', 'changed', 'rolled');
  expect((await before.waits('stale')).text).toMatch(
    /^it needs a runner of release [0-9a-f]{12}; the pool's runners have /,
  );
  await after.make('fourth', 'moved', 'rolled');
  expect(await after.outcome('fourth')).toBe('moved');
});

test('in development a runner that has loaded a function before it was edited loads it again, and runs what its caller means', async () => {
  await using checkout = await checkOut('r1');
  await using runner = await startRunner(checkout, undefined, 'loose');
  await using before = await startCaller(checkout, undefined);
  await before.make('first', 'changed');
  expect(await before.outcome('first')).toBe('the text of r1');

  await checkout.deploy('r2', 'edit');
  await using after = await startCaller(checkout, undefined);
  await after.make('edited', 'changed');
  await after.make('added', 'inserted');
  await after.make('new', 'fresh', 'loose', './new-file.ts');
  expect(await after.outcome('edited')).toBe('the text of r2');
  expect(await after.outcome('added')).toBe('only in r2');
  expect(await after.outcome('new')).toBe('in a new file');
  expect(runner.alive()).toBe(true);
});
