/** A Redis of one's own for development, when none is given: loopback, a free port, data kept in `.flame/redis`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { access, constants, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { instanceIdOf, livingPid, startTimeOf } from '@flamejs/protocol/process-identity';
import type { RedisConfig } from '@flamejs/queue';
import { FlameConfigError } from '@flamejs/queue/errors';
import {
  type DevRedisPlaces,
  type DevRedisRecord,
  devRedisPlaces,
  devRedisUrl,
  readDevRedis,
  serverOf,
} from '@flamejs/queue/internal';
import { answers } from '../probe-redis.ts';

export interface DevRedis {
  readonly url: string;
  /** Another `flame dev` has started it and will end it. */
  readonly isJoined: boolean;
  stop(): Promise<void>;
}

const PROGRAMS = ['redis-server', 'valkey-server'];
const START_MS = 10_000;
const PROBE_MS = 500;
const STOP_MS = 5_000;

/**
 * Starts one, or joins the one that already serves this folder: two servers on the same data would destroy it.
 * Every process of the application finds it, as long as it lives, by a file that only this user reads.
 * @param root of the config. @throws FlameConfigError when no server program is on PATH
 */
export const startDevRedis = async (root: string): Promise<DevRedis> => {
  const places = devRedisPlaces(root);
  const { folder, data, record: file } = places;
  await mkdir(data, { recursive: true, mode: 0o700 });
  // Whatever the application ignores: what is in here is for nobody else.
  await writeFile(join(folder, '.gitignore'), '*\n');
  const left = await findRunning(places);
  if (left !== undefined) return left;

  const program = await findProgram();
  const port = await freePort();
  const settings = { port, bind: '127.0.0.1', dir: data, appendonly: 'yes', save: '', daemonize: 'no' };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  // Its own process group: Ctrl-C must reach it last, when everybody has put their work down.
  const server = spawn(program, args, { stdio: 'ignore', detached: true });
  const endWithUs = (): void => void server.kill('SIGTERM');
  process.once('exit', endWithUs);
  const url = devRedisUrl({ port });
  if (!(await answers(configOf(url), START_MS))) {
    server.kill('SIGKILL');
    const message = `${program} did not start on port ${port}`;
    throw new FlameConfigError(message, { problems: [{ path: 'redis', message }] });
  }
  await write(file, { port, server: identityOf(server.pid), owner: identityOf(process.pid) });
  return {
    url,
    isJoined: false,
    async stop() {
      process.off('exit', endWithUs);
      await endServer(server);
      await rm(file, { force: true });
    },
  };
};

const identityOf = (pid = 0): string => instanceIdOf(pid, startTimeOf(pid) ?? 'gone');

/** A new file under a new name first: nobody reads half of one, nor through a link that stood there. */
const write = async (file: string, record: DevRedisRecord): Promise<void> => {
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify(record), { mode: 0o600, flag: 'wx' });
  await rename(draft, file);
};

/** One that another `flame dev` uses is left to it; one whose owner was killed ends with us. */
const findRunning = async (places: DevRedisPlaces): Promise<DevRedis | undefined> => {
  const record = readDevRedis(places);
  if (record === undefined) return undefined;
  const url = devRedisUrl(record);
  if (!(await answers(configOf(url), PROBE_MS))) return undefined;
  if (livingPid(record.owner) !== undefined) return { url, isJoined: true, stop: async () => undefined };
  return {
    url,
    isJoined: false,
    async stop() {
      // Looked at again: by now its pid may be another process's.
      const pid = serverOf(record, places);
      if (pid !== undefined) process.kill(pid, 'SIGTERM');
      await rm(places.record, { force: true });
    },
  };
};

const configOf = (url: string): RedisConfig => ({ kind: 'single', url, options: {} });

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
