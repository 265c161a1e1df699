/** A Redis of one's own for development, when none is given: loopback, a free port, data kept in `.flame/redis`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { access, constants } from 'node:fs/promises';
import { FlameConfigError } from '@flamejs/queue';
import { connect, disconnect, whenReady } from '@flamejs/queue/protocol';

export interface DevRedis {
  readonly url: string;
  stop(): Promise<void>;
}

const PROGRAMS = ['redis-server', 'valkey-server'];
const START_MS = 10_000;

/** @param folder the application's root. @throws FlameConfigError when no server program is on PATH */
export const startDevRedis = async (folder: string): Promise<DevRedis> => {
  const program = await findProgram();
  const data = join(folder, '.flame', 'redis');
  await mkdir(data, { recursive: true });
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', data, '--appendonly', 'yes', '--save', '', '--daemonize', 'no'];
  // Its own process group: Ctrl-C must reach it last, when everybody has put their work down.
  const server = spawn(program, args, { stdio: 'ignore', detached: true });
  const url = `redis://127.0.0.1:${port}`;
  const client = connect({ kind: 'single', url, options: {} }, 'steady', 'flame:dev');
  client.on('error', () => undefined);
  try {
    await whenReady(client, START_MS);
  } catch (cause) {
    server.kill('SIGKILL');
    throw new FlameConfigError(`${program} did not start on port ${port}`, { problems: [{ path: 'redis', message: String(cause) }], cause });
  } finally {
    disconnect(client);
  }
  return { url, stop: () => stopServer(server) };
};

const stopServer = (server: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (server.exitCode !== null || server.signalCode !== null) return resolve();
    const timer = setTimeout(() => server.kill('SIGKILL'), 5_000);
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
      if (await access(path, constants.X_OK).then(() => true, () => false)) return path;
    }
  }
  const message = 'no Redis is reachable, and neither redis-server nor valkey-server is on PATH: install one, or set REDIS_URL';
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
