/** What all cases share: a Redis of our own, a runner per pool, the peer's workers. Everything ends with the run. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
export const APP_CONFIG = here('../app/flame.config.mjs');

export interface World {
  readonly url: string;
  readonly redis: Redis;
  /** Of its Redis server. */
  readonly serverPid: number;
  /** Starts a node process with a script of this folder and waits for its first line of output. */
  start(script: string, args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<ChildProcess>;
  /** Starts a runner of a pool. It is ready when its first call can be made, which the warm-up waits for. */
  runner(pool: string): Promise<ChildProcess>;
  stop(): Promise<void>;
}

export const createWorld = async (): Promise<World> => {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const children: ChildProcess[] = [];
  const program = process.env.FLAME_REDIS_SERVER ?? 'redis-server';
  const server = spawn(program, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], {
    stdio: 'ignore',
  });
  process.once('exit', () => {
    for (const child of [...children, server]) child.kill('SIGKILL');
  });
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  await redis.ping();
  process.env.FLAME_REDIS_URL = url;
  process.env.FLAME_CONFIG = APP_CONFIG;

  const start: World['start'] = async (script, args = [], env = {}) => {
    const child = spawn(process.execPath, [script, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    children.push(child);
    await once(child.stdout, 'data');
    child.stdout.resume();
    return child;
  };

  return {
    url,
    redis,
    serverPid: server.pid ?? 0,
    start: (script, args, env) => start(here(`../${script}`), args, env),
    runner: (pool) => {
      const main = fileURLToPath(import.meta.resolve('@flamejs/runner/main'));
      return start(main, [], {
        FLAME_POOL: pool,
        FLAME_APP: 'bench',
        FLAME_RUNNER_ID: `bench-${pool}`,
        LOG_LEVEL: 'info',
        FLAME_FAILSAFE_TIMEOUT: '1h',
      });
    },
    async stop() {
      redis.disconnect();
      for (const child of [...children, server]) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
      }
    },
  };
};

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
