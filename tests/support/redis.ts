/** A private Redis server for a test: on a free loopback port, in a folder of its own, ended with the test. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { freePort } from './free-port.ts';
import { settles, waitFor } from './wait-for.ts';

export interface RedisServerOptions {
  /**
   * Append-only file, synced at every command, so that a crash loses nothing that was acknowledged. Off unless set: what
   * never restarts its server need not pay for it.
   */
  readonly appendonly?: boolean;
  /** More arguments: `['--maxmemory', '64mb']`. They win over ours. */
  readonly args?: readonly string[];
  /** Where its files go, in the place of a folder of its own; kept at the end. */
  readonly folder?: string;
}

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** The folder that holds the append-only file. */
  readonly folder: string;
  /** Process id of the server that runs now. */
  pid(): number;
  /** A connection that `stop()` closes. */
  client(options?: Omit<RedisOptions, 'replyMapping'>): Redis;
  /** Ends it in good order if it runs, and starts it again on the same port and data. Resolves when it answers. */
  restart(): Promise<void>;
  /** SIGKILL, as a crash would; resolves when the process is gone. `restart()` brings it back. */
  kill9(): Promise<void>;
  /** Freezes (SIGSTOP) or thaws the process. */
  freeze(): void;
  thaw(): void;
  /** Closes the clients, ends the server, removes its folder. Idempotent. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const startRedis = async (options: RedisServerOptions = {}): Promise<RedisServer> => {
  const { appendonly = false, args = [] } = options;
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'flame-redis-')));
  const removeFolder = async (): Promise<void> => {
    if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
  };
  const clients = new Set<Redis>();
  let server: ChildProcess | undefined;
  let port = 0;

  const boot = async (): Promise<void> => {
    const child = spawn(serverProgram(), [...settings(port, folder, appendonly), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let log = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log = (log + text).slice(-4_000);
      });
    }
    server = child;
    endWithUs.add(child);
    child.once('exit', () => endWithUs.delete(child));
    child.once('error', (error) => {
      log += String(error);
    });
    await waitFor(
      async () => {
        if (child.exitCode !== null || child.pid === undefined) throw new EndedError(log);
        return (await ping(port)) === '+PONG';
      },
      { what: `Redis on port ${port} to answer`, giveUp: (error) => error instanceof EndedError },
    );
  };

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const child = server;
    server = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    child.kill('SIGCONT'); // a frozen server cannot act on SIGTERM
    await settles(gone, { what: `The end of Redis on port ${port} after ${signal}` });
  };

  // Another program may take the port between our choice and the server's bind.
  for (let attempt = 1; port === 0 || server === undefined; attempt += 1) {
    port = await freePort();
    try {
      await boot();
    } catch (error) {
      await end('SIGKILL');
      if (attempt >= 5 || !/address already in use/i.test(String(error))) {
        await removeFolder();
        throw error;
      }
    }
  }

  const self: RedisServer = {
    url: `redis://127.0.0.1:${port}`,
    port,
    folder,
    pid: () => {
      if (server?.pid === undefined) throw new Error(`Redis on port ${port} is not running`);
      return server.pid;
    },
    client: (options = {}) => {
      const client = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null, ...options });
      client.on('error', () => {}); // expected while the server is down; the commands themselves tell
      clients.add(client);
      return client;
    },
    restart: async () => {
      await end('SIGTERM');
      await boot();
    },
    kill9: () => end('SIGKILL'),
    freeze: () => void server?.kill('SIGSTOP'),
    thaw: () => void server?.kill('SIGCONT'),
    stop: async () => {
      for (const client of clients) client.disconnect();
      clients.clear();
      await end('SIGKILL'); // nobody needs its data any more
      await removeFolder();
    },
    [Symbol.asyncDispose]: () => self.stop(),
  };
  return self;
};

class EndedError extends Error {}

// A worker that vitest ends must not leave its servers running.
const endWithUs = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of endWithUs) child.kill('SIGKILL');
});

const settings = (port: number, folder: string, appendonly: boolean): string[] => [
  ...['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--daemonize', 'no', '--logfile', ''],
  ...['--save', '', '--maxmemory-policy', 'noeviction', '--databases', '1'],
  ...(appendonly ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no']),
  // Lets fault tests crash and stall it from inside; servers before version 7 do not know the setting and need none.
  ...(serverMajor() >= 7 ? ['--enable-debug-command', 'local'] : []),
];

let program: string | undefined;
/** The server of the whole test suite: what FLAME_REDIS_SERVER names, or what is on PATH. */
export const serverProgram = (): string => {
  program ??= [process.env.FLAME_REDIS_SERVER, 'redis-server', 'valkey-server'].find(isProgram);
  if (program === undefined) throw new Error('No redis-server or valkey-server on PATH: scripts/setup.sh installs one');
  return program;
};

const isProgram = (name: string | undefined): boolean =>
  name !== undefined && spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0;

let major: number | undefined;
export const serverMajor = (): number => {
  major ??= Number(/v=(\d+)\./.exec(execFileSync(serverProgram(), ['--version'], { encoding: 'utf8' }))?.[1] ?? 0);
  return major;
};

// Spoken by hand, because a client library would retry and queue where we want to know how things stand.
const ping = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(1_000, () => socket.destroy(new Error('no answer to PING within 1 s')));
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString('utf8').trim());
    });
    socket.once('error', reject);
  });
