/** A Redis of one's own for development, when none is given: loopback, a free port, data kept in `.flame/redis`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { access, constants, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import type { RedisConfig } from '@flamejs/queue';
import { FlameConfigError } from '@flamejs/queue/errors';
import { answers } from './probe-redis.ts';

export interface DevRedis {
  readonly url: string;
  stop(): Promise<void>;
}

const PROGRAMS = ['redis-server', 'valkey-server'];
const START_MS = 10_000;
const PROBE_MS = 500;
const STOP_MS = 5_000;

/**
 * Starts one, or joins the one that already serves this folder: two servers on the same data would destroy it.
 * @param folder the application's root. @throws FlameConfigError when no server program is on PATH
 */
export const startDevRedis = async (folder: string): Promise<DevRedis> => {
  const data = join(folder, '.flame', 'redis');
  const record = join(data, 'server.json');
  await mkdir(data, { recursive: true });
  const left = await findRunning(record);
  if (left !== undefined) return left;

  const program = await findProgram();
  const port = await freePort();
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    data,
    '--appendonly',
    'yes',
    '--save',
    '',
    '--daemonize',
    'no',
  ];
  // Its own process group: Ctrl-C must reach it last, when everybody has put their work down.
  const server = spawn(program, args, { stdio: 'ignore', detached: true });
  const endWithUs = (): void => void server.kill('SIGTERM');
  process.once('exit', endWithUs);
  const url = `redis://127.0.0.1:${port}`;
  if (!(await answers(configOf(url), START_MS))) {
    server.kill('SIGKILL');
    const message = `${program} did not start on port ${port}`;
    throw new FlameConfigError(message, { problems: [{ path: 'redis', message }] });
  }
  await writeFile(record, JSON.stringify({ port, pid: server.pid, owner: process.pid }));
  return {
    url,
    async stop() {
      process.off('exit', endWithUs);
      await endServer(server);
      await rm(record, { force: true });
    },
  };
};

/** One that another `flame dev` uses is left to it; one whose owner was killed ends with us. */
const findRunning = async (record: string): Promise<DevRedis | undefined> => {
  const text = await readFile(record, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { port, pid, owner } = JSON.parse(text) as { port: number; pid: number; owner: number };
  const url = `redis://127.0.0.1:${port}`;
  if (!isAlive(pid) || !(await answers(configOf(url), PROBE_MS))) return undefined;
  if (isAlive(owner)) return { url, stop: async () => undefined };
  return {
    url,
    async stop() {
      process.kill(pid, 'SIGTERM');
      await rm(record, { force: true });
    },
  };
};

const configOf = (url: string): RedisConfig => ({ kind: 'single', url, options: {} });

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const endServer = (server: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (server.exitCode !== null || server.signalCode !== null) return resolve();
    const timer = setTimeout(() => server.kill('SIGKILL'), STOP_MS);
    server.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    server.kill('SIGTERM');
  });

const findProgram = async (): Promise<string> => {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const program of PROGRAMS) {
      const path = join(folder, program);
      const found = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (found) return path;
    }
  }
  const message =
    'no Redis is reachable, and neither redis-server nor valkey-server is on PATH: install one, or set REDIS_URL';
  throw new FlameConfigError(message, { problems: [{ path: 'redis', message }] });
};

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
