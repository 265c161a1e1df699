/** A Redis Cluster for a test: three masters on loopback, each in a folder of its own, ended with the test. */
import { Cluster } from 'ioredis';
import type { Servers } from './fleet.ts';
import { freePort } from './free-port.ts';
import { type RedisServer, startRedis } from './redis.ts';
import { waitFor } from './wait-for.ts';

const MASTERS = 3;
const SLOTS = 16_384;

export interface TestCluster extends Servers {
  readonly input: { readonly cluster: readonly string[] };
  readonly client: Cluster;
  readonly masters: readonly RedisServer[];
  /** The master that holds a key. */
  masterOf(key: string): Promise<RedisServer>;
}

export const startCluster = async (): Promise<TestCluster> => {
  const masters: RedisServer[] = [];
  const buses: number[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(masters.map((master) => master.stop()));
  };
  try {
    for (let i = 0; i < MASTERS; i += 1) {
      const bus = await freePort();
      buses.push(bus);
      masters.push(await startRedis({ appendonly: true, args: clusterArgs(bus) }));
    }
    await form(masters, buses);
  } catch (error) {
    await stop();
    throw error;
  }
  const client = new Cluster(
    masters.map(({ port }) => ({ host: '127.0.0.1', port })),
    { redisOptions: { maxRetriesPerRequest: null } },
  );
  // Expected while a master is down; the commands themselves tell.
  client.on('error', () => undefined);
  return {
    input: { cluster: masters.map(({ url }) => url) },
    client,
    masters,
    async masterOf(key) {
      const slot = await client.cluster('KEYSLOT', key);
      const found = masters[Math.floor((slot * MASTERS) / SLOTS)];
      if (found === undefined) throw new Error(`nobody holds slot ${slot}`);
      return found;
    },
    async stop() {
      client.disconnect();
      await stop();
    },
  };
};

// By hand, and not by `redis-cli --cluster create`: that is a package of its own on some systems, and waits for seconds.
const form = async (masters: readonly RedisServer[], buses: readonly number[]): Promise<void> => {
  const clients = masters.map((master) => master.client());
  for (const [i, client] of clients.entries()) {
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
    await client.call('CLUSTER', 'ADDSLOTSRANGE', String(firstSlot(i)), String(firstSlot(i + 1) - 1));
  }
  const [first] = clients;
  for (let i = 1; i < masters.length; i += 1) {
    await first?.call('CLUSTER', 'MEET', '127.0.0.1', String(masters[i]?.port), String(buses[i]));
  }
  await waitFor(
    async () => {
      const infos = await Promise.all(clients.map((client) => client.call('CLUSTER', 'INFO') as Promise<string>));
      return infos.every((info) => info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3'));
    },
    { what: 'the cluster to form', everyMs: 100 },
  );
};

/** Slots are dealt out so that `slot * MASTERS / SLOTS`, rounded down, is the master that holds it. */
const firstSlot = (master: number): number => Math.ceil((master * SLOTS) / MASTERS);

const clusterArgs = (bus: number): readonly string[] => [
  ...['--cluster-enabled', 'yes', '--cluster-port', String(bus), '--cluster-config-file', 'nodes.conf'],
  ...['--cluster-node-timeout', '2000', '--cluster-announce-ip', '127.0.0.1'],
  // A cluster whose one master is down goes on with the others' slots.
  ...['--cluster-require-full-coverage', 'no'],
];
