/** A fail-over group for a test: a primary, two replicas, and three sentinels that watch them, all on loopback. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Servers } from './fleet.ts';
import { freePort } from './free-port.ts';
import { startProcess, type TestProcess } from './processes.ts';
import { type RedisServer, serverProgram, startRedis } from './redis.ts';
import { waitFor } from './wait-for.ts';

const NAME = 'flame';
const SENTINELS = 3;
const REPLICAS = 2;
/** A primary that is silent for so long is replaced. */
const DOWN_AFTER_MS = 1_000;

export interface FailOverGroup extends Servers {
  readonly client: Redis;
  readonly servers: readonly RedisServer[];
  /** The server that the sentinels name as primary. */
  primary(): Promise<RedisServer>;
  /** SIGKILLs the primary. @returns when the sentinels name another, with the one that is gone; `restart` makes it a replica */
  failOver(): Promise<RedisServer>;
}

export const startFailOverGroup = async (): Promise<FailOverGroup> => {
  const servers: RedisServer[] = [];
  const sentinels: TestProcess[] = [];
  const ports: number[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'flame-sentinel-'));
  let client: Redis | undefined;
  const stop = async (): Promise<void> => {
    client?.disconnect();
    await Promise.all(sentinels.map((sentinel) => sentinel.kill9()));
    await Promise.all(servers.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  };

  try {
    const first = await startRedis({ appendonly: true, args: REPLICATION });
    servers.push(first);
    for (let i = 0; i < REPLICAS; i += 1) {
      const args = [...REPLICATION, '--replicaof', '127.0.0.1', String(first.port)];
      servers.push(await startRedis({ appendonly: true, args }));
    }
    for (let i = 0; i < SENTINELS; i += 1) {
      const port = await freePort();
      ports.push(port);
      const file = join(folder, `sentinel-${i}.conf`);
      await writeFile(file, sentinelConfig(port, first.port, folder));
      sentinels.push(await startProcess(serverProgram(), [file, '--sentinel']));
    }
    for (const port of ports) await untilWatching(port);
  } catch (error) {
    await stop();
    throw error;
  }

  const addresses = ports.map((port) => ({ host: '127.0.0.1', port }));
  client = new Redis({
    sentinels: addresses,
    name: NAME,
    maxRetriesPerRequest: null,
    sentinelRetryStrategy: () => 100,
  });
  // Expected during a fail-over; the commands themselves tell.
  client.on('error', () => undefined);

  const primary = async (): Promise<RedisServer> => {
    const named = await Promise.all(ports.map((port) => askPrimary(port)));
    const [agreed] = named;
    const found = servers.find(({ port }) => port === agreed);
    if (found === undefined || named.some((port) => port !== agreed)) throw new Error(`the sentinels name ${named}`);
    return found;
  };

  return {
    input: { sentinels: addresses, name: NAME },
    client,
    servers,
    primary: () => waitFor(primary, { what: 'the sentinels to agree on a primary', everyMs: 100 }),
    async failOver() {
      const old = await primary();
      await old.kill9();
      await waitFor(async () => (await primary()) !== old, {
        what: 'the sentinels to name another primary',
        everyMs: 100,
      });
      return old;
    },
    stop,
  };
};

const REPLICATION = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'] as const;

const sentinelConfig = (port: number, primary: number, folder: string): string => `
port ${port}
bind 127.0.0.1
dir ${folder}
sentinel monitor ${NAME} 127.0.0.1 ${primary} 2
sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}
sentinel failover-timeout ${NAME} 5000
sentinel parallel-syncs ${NAME} 2
`;

/** Sentinels find the replicas and each other through the primary; before that no majority can elect another. */
const untilWatching = async (port: number): Promise<void> => {
  const client = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  try {
    await waitFor(
      async () => {
        const info = await client.info('sentinel');
        return info.includes(`slaves=${REPLICAS},sentinels=${SENTINELS}`) && info.includes('status=ok');
      },
      { what: `the sentinel on port ${port} to know the group`, everyMs: 100 },
    );
  } finally {
    client.disconnect();
  }
};

const askPrimary = async (port: number): Promise<number> => {
  const client = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: 1, commandTimeout: 2_000 });
  client.on('error', () => undefined);
  try {
    const [, found] = (await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)) as [string, string];
    return Number(found);
  } finally {
    client.disconnect();
  }
};
