/**
 * The quick start of README, word for word: an empty folder, the packages as they would be published, at most five commands,
 * and a call that a runner has executed which was not there before.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeBinaries } from '../packages/compiler/test/node-versions.ts';
import { type Snippet, snippetsOf } from './docs/pages.ts';
import { type ProcessOptions, startNode, startProcess, type TestProcess } from './support/processes.ts';
import { type RedisServer, startRedis } from './support/redis.ts';
import { bySize } from './support/tier.ts';
import { settles, waitFor } from './support/wait-for.ts';

const REGISTRY = new URL('./support/registry.mjs', import.meta.url);
const ENOUGH_MS = 170_000;

let folder: string;
let registry: TestProcess;
let registryUrl: string;
let redis: RedisServer;
beforeAll(async () => {
  // Outside of the repository, where nothing is installed.
  folder = mkdtempSync(join(tmpdir(), 'flame-quick-start-'));
  redis = await startRedis();
  const tarballs = join(folder, 'tarballs');
  mkdirSync(tarballs);
  registry = await startNode(fileURLToPath(REGISTRY), { args: [tarballs] });
  registryUrl = (await registry.waitForOutput(/^(http\S+)$/m, ENOUGH_MS))[1] ?? '';
});
afterAll(async () => {
  await registry?.stop();
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What stands between the heading and the part that leads to the demo. */
const steps = (): readonly Snippet[] => {
  const all = snippetsOf('README.md');
  const from = all.findIndex(({ text }) => text.startsWith('npm install flamejs'));
  const to = all.findIndex(({ text }) => text.startsWith('git clone'));
  expect([from, to]).toEqual([expect.any(Number), from + 3]);
  return all.slice(from, to);
};

const commandsOf = ({ text }: Snippet): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');

const endGroup = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-pid, signal);
  } catch {
    // It is gone.
  }
};

/** The same with another package manager. */
const MANAGERS = {
  npm: (command: string) => command,
  pnpm: (command: string) =>
    command.replace(/^npm install /, 'npx --yes pnpm@10 add ').replace(/^npx (?!--yes)/, 'npx --yes pnpm@10 exec '),
};

const ways = nodeBinaries().flatMap((node) =>
  bySize<readonly (keyof typeof MANAGERS)[]>({ push: ['npm'], nightly: ['npm', 'pnpm'] }).map((manager) => ({
    ...node,
    manager,
  })),
);

test.each(ways)(
  'A-07: the quick start, word for word, with $manager on Node $version: at most five commands to a call on a runner',
  async ({ manager, version, binary }) => {
    const home = join(folder, `${manager}-${version}`);
    mkdirSync(home);
    const options: ProcessOptions = {
      cwd: home,
      env: {
        PATH: `${dirname(binary)}:${process.env.PATH}`,
        npm_config_registry: registryUrl,
        npm_config_audit: 'false',
        npm_config_fund: 'false',
        npm_config_update_notifier: 'false',
        REDIS_URL: redis.url,
        FLAME_REDIS_URL: undefined,
        NODE_OPTIONS: undefined,
        // Of the npm that runs these tests: they would lead to its own folder.
        npm_config_local_prefix: undefined,
        npm_package_json: undefined,
        INIT_CWD: undefined,
      },
    };
    // In a group of its own, as a terminal starts it: npx hands no signal on, Ctrl-C reaches all of them.
    const start = (command: string) => startProcess('sh', ['-c', `exec setsid ${MANAGERS[manager](command)}`], options);
    const run = async (command: string): Promise<string> => {
      await using process_ = await start(command);
      const { code } = await settles(process_.exited, { what: command, timeoutMs: ENOUGH_MS });
      expect(code, `${command}: ${process_.output()}`).toBe(0);
      return process_.output();
    };

    const [setUp, main, call] = steps();
    if (setUp === undefined || main === undefined || call === undefined) throw new Error('the quick start has changed');
    const [install = '', init = '', dev = '', ...none] = commandsOf(setUp);
    const [last = '', ...more] = commandsOf(call);
    expect([...none, ...more, main.text.split('\n')[0]]).toEqual(['// main.mjs']);

    await run(install);
    // What a build does with the lock file that was written.
    if (manager === 'npm') await run('npm ci --dry-run');
    expect(await run(init)).toContain('wrote');
    await using running = await start(`${dev} --port 0`);
    await using _group = { [Symbol.asyncDispose]: async () => endGroup(running.pid, 'SIGTERM') };
    await running.waitForOutput(/Ctrl-C stops everything/, ENOUGH_MS);
    const runners = async () => JSON.parse(await run('npx flamejs runners ls --json')) as unknown[];
    expect(await runners()).toEqual([]);
    writeFileSync(join(home, 'main.mjs'), main.text);
    expect(await run(last)).toContain('Hello world');
    expect(await waitFor(async () => (await runners())[0], { what: 'the runner', timeoutMs: ENOUGH_MS })).toMatchObject(
      { pool: 'main' },
    );
    endGroup(running.pid, 'SIGINT');
    // npx has an exit code of its own for that.
    await running.waitForOutput(/no process is left/, ENOUGH_MS);
    await settles(running.exited, { what: dev, timeoutMs: ENOUGH_MS });
  },
  // Downloads included.
  bySize({ push: 400_000, nightly: 600_000 }),
);
