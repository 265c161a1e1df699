/** A Redis server as a child process: loopback, a free port, what it keeps in one folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import type { RedisConfig } from '@flamejs/queue';
import { FlameConfigError } from '@flamejs/queue/errors';
import { answers } from '../probe-redis.ts';

export interface RedisProcess {
  readonly url: string;
  readonly port: number;
  readonly pid: number | undefined;
  /** It ends with this process, too. */
  stop(): Promise<void>;
}

const PROGRAMS = ['redis-server', 'valkey-server'];
const START_MS = 10_000;
const STOP_MS = 5_000;

/** @param data a folder that exists. @throws FlameConfigError when no server program is on PATH, or it does not start */
export const startServer = async (data: string): Promise<RedisProcess> => {
  const program = await findProgram();
  const port = await freePort();
  const settings = { port, bind: '127.0.0.1', dir: data, appendonly: 'yes', save: '', daemonize: 'no' };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
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
  return {
    url,
    port,
    pid: server.pid,
    async stop() {
      process.off('exit', endWithUs);
      await endServer(server);
    },
  };
};

export const configOf = (url: string): RedisConfig => ({ kind: 'single', url, options: {} });

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
