/** Round trip and throughput of calls against plain BullMQ, and large binaries against Redis itself. */
import type { Flame } from '@flamejs/queue';
import { Queue, QueueEvents } from 'bullmq';
import type { Case } from './case.ts';
import { median } from './stats.ts';
import type { World } from './world.ts';

const ROUND_TRIPS = 300;
const CALLS = 3_000;
const IN_FLIGHT = 100;
const MEGABYTE = 1024 * 1024;

// biome-ignore lint/suspicious/noExplicitAny: the application is plain JavaScript
type Tasks = { flame: Flame; noop: any; noopMany: any; noopFew: any; echo: any };

export interface Peer {
  /** Of its worker. */
  readonly pid: number;
  call(value: unknown): Promise<unknown>;
  close(): Promise<void>;
}

export const bullmqPeer = async (world: World, queueName: string, concurrency: number): Promise<Peer> => {
  const worker = await world.start('peers/bullmq-worker.mjs', [world.url, queueName, String(concurrency)]);
  const queue = new Queue(queueName, { connection: { url: world.url } });
  const events = new QueueEvents(queueName, { connection: { url: world.url } });
  // One waiter a call is what it does; the warning is about exactly that.
  events.setMaxListeners(0);
  queue.setMaxListeners(0);
  await events.waitUntilReady();
  return {
    pid: worker.pid ?? 0,
    async call(value) {
      const job = await queue.add('noop', value, { removeOnComplete: 1_000 });
      return job.waitUntilFinished(events);
    },
    async close() {
      await events.close();
      await queue.close();
    },
  };
};

const oneByOne = async (call: () => Promise<unknown>, count: number): Promise<number> => {
  const times: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const started = performance.now();
    await call();
    times.push(performance.now() - started);
  }
  return median(times);
};

const inFlight = async (call: (i: number) => Promise<unknown>): Promise<number> => {
  let next = 0;
  const started = performance.now();
  const lane = async (): Promise<void> => {
    while (next < CALLS) await call(next++);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return CALLS / ((performance.now() - started) / 1000);
};

export const callCases = (world: World, tasks: Tasks, one: Peer, many: Peer): readonly Case[] => {
  const { flame } = tasks;
  return [
    {
      name: 'round trip of a no-op call, 1 in flight',
      unit: 'ms',
      budget: 1,
      peerName: 'BullMQ add + waitUntilFinished',
      rounds: 7,
      ours: () => oneByOne(() => flame.call(tasks.noop, { a: 1 }), ROUND_TRIPS),
      peer: () => oneByOne(() => one.call({ a: 1 }), ROUND_TRIPS),
    },
    {
      name: 'throughput, 100 in flight, 4 executors',
      unit: 'calls/s',
      budget: 1.2,
      peerName: 'BullMQ, in-process, 100 at once',
      rounds: 5,
      ours: () => inFlight((i) => flame.call(tasks.noopFew, { i })),
      peer: () => inFlight((i) => many.call({ i })),
    },
    bytesCase(world, tasks, { name: '1 MB argument and result', bytes: MEGABYTE, budget: 2.8, calls: 20 }),
    bytesCase(world, tasks, { name: '10 MB argument and result', bytes: 10 * MEGABYTE, budget: 1.5, calls: 6 }),
  ];
};

interface BytesOptions {
  readonly name: string;
  readonly bytes: number;
  readonly budget: number;
  /** In a round. */
  readonly calls: number;
}

const bytesCase = (world: World, { flame, echo }: Tasks, { name, bytes, budget, calls }: BytesOptions): Case => {
  const value = Buffer.alloc(bytes, 1);
  return {
    name,
    unit: 'ms',
    budget,
    peerName: 'raw SET + GET, both directions',
    rounds: 7,
    ours: () => oneByOne(() => flame.call(echo, value), calls),
    peer: () =>
      oneByOne(async () => {
        for (const key of ['bench:in', 'bench:out']) {
          await world.redis.set(key, value);
          await world.redis.getBuffer(key);
        }
      }, calls),
  };
};
