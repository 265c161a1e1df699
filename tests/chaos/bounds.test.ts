/** What does not grow with the number of calls: the caller's memory, Redis' memory, the bytes on the wire (5.4). */
import { afterEach, expect, test } from 'vitest';
import { APP_FOLDER, type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { startSource } from '../support/processes.ts';
import { startProxy, type TcpProxy } from '../support/proxy.ts';
import { bySize, tier } from '../support/tier.ts';
import { settles, waitFor } from '../support/wait-for.ts';

const pools = { main: { max: 2, maxConcurrency: 4, timeout: '60s', idleShutdownAfter: '60s' } } as const;
/** Runners that no autoscaler looks after end in a minute, unless they are told to wait for longer. */
const env = { FLAME_TEST_APP: JSON.stringify({ failsafeTimeout: '1h' }) };
const patience = { timeout: 1_200_000 } as const;
const nightly = test.runIf(tier === 'nightly');
const proxies: TcpProxy[] = [];
let fleet: Fleet;
afterEach(async () => {
  await fleet.stop();
  for (const proxy of proxies.splice(0)) await proxy.stop();
});

/** Makes calls, then leaves calls pending and takes half of them back; says how much heap each costs. */
const CALLER = `
import { createFlame } from '@flamejs/queue';
import config from './flame.config.mjs';
import { add } from './tasks.mjs';
const [calls, pending] = process.argv.slice(-2).map(Number);
const flame = createFlame(config);
let warnings = 0;
process.on('warning', (warning) => {
  warnings += 1;
  console.error(warning);
});
const heap = async () => {
  for (let i = 0; i < 3; i += 1) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return process.memoryUsage().heapUsed;
};
const many = async (count) => {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const i = next++;
      if ((await flame.call(add, i, 1)) !== i + 1) throw new Error('wrong');
    }
  };
  await Promise.all(Array.from({ length: 100 }, lane));
};
await many(500);
const before = await heap();
await many(calls);
const afterCalls = await heap();
console.log('idle', afterCalls - before);

await new Promise((resolve) => process.once('message', resolve)); // the pool is paused
// One signal for half of them, as for the calls of one request that a user gives up.
const abort = new AbortController();
const ends = Array.from({ length: pending }, (_, i) => {
  const fn = i < pending / 2 ? add.with({ signal: abort.signal }) : add;
  return flame.call(fn, i, 1).then(() => 'value', (error) => error.name);
});
process.send('pending');
await new Promise((resolve) => process.once('message', resolve)); // all of them are in the queue
console.log('pending', (await heap()) - afterCalls);
abort.abort();
const cancelled = await Promise.all(ends.slice(0, pending / 2));
process.send('cancelled');
const values = await Promise.all(ends.slice(pending / 2)); // the pool is resumed
console.log('ends', JSON.stringify([...new Set(cancelled)]), JSON.stringify([...new Set(values)]));
ends.length = 0;
console.log('after', (await heap()) - afterCalls);
console.log('warnings', warnings);
await flame.close();
process.disconnect();
`;

test(
  'R-42 a caller’s memory does not grow with the calls that it has made, and little with those that it awaits',
  patience,
  async () => {
    const calls = bySize({ push: 1_000, nightly: 100_000 });
    const pending = bySize({ push: 1_000, nightly: 10_000 });
    fleet = await startFleet({ pools, env });
    await fleet.runner();
    const caller = await startSource(CALLER, {
      cwd: APP_FOLDER,
      nodeArgs: ['--expose-gc'],
      args: [String(calls), String(pending)],
      ipc: true,
      env: fleet.env,
    });
    const told = (message: string): Promise<unknown> => {
      const said = new Promise((resolve) => caller.child.on('message', (m) => m === message && resolve(m)));
      const settled = settles(said, { what: `the caller to say "${message}"`, timeoutMs: 120_000 });
      // Awaited further down; until then another failure is the one to tell of.
      settled.catch(() => undefined);
      return settled;
    };
    const number = async (name: string, timeoutMs = 900_000): Promise<number> =>
      Number((await caller.waitForOutput(new RegExp(`^${name} (-?\\d+)`, 'm'), timeoutMs))[1]);
    try {
      const { queue } = fleet.keys();
      expect(await number('idle')).toBeLessThan(20 * 1024 * 1024);
      await fleet.client.hset(`${queue}meta`, 'paused', 1);
      const all = told('pending');
      caller.child.send('paused');
      await all;
      await waitFor(
        async () => (await fleet.client.llen(`${queue}wait`)) + (await fleet.client.llen(`${queue}active`)) >= pending,
        {
          what: 'all calls to be in the queue',
          timeoutMs: 120_000,
        },
      );
      const cancelled = told('cancelled');
      caller.child.send('queued');
      // The envelope, so that it can be made again should Redis lose it, the promise, and the stack of the call site.
      expect((await number('pending')) / pending).toBeLessThan(2 * 1024);
      await cancelled;
      await fleet.client.hdel(`${queue}meta`, 'paused');
      await fleet.client.zadd(`${queue}marker`, 0, '0');
      await caller.waitForOutput(/^ends \["AbortError"\] \["value"\]$/m, 300_000);
      expect(await number('after')).toBeLessThan(20 * 1024 * 1024);
      expect(await number('warnings')).toBe(0);
      expect((await caller.exited).code).toBe(0);
    } finally {
      await caller.stop();
    }
  },
);

nightly('R-43 nothing of a call stays in Redis after its outcome has run out', patience, async () => {
  const calls = 100_000;
  fleet = await startFleet({ pools, env });
  await fleet.autoscaler();
  const { client, flame } = fleet;
  const used = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
  const options = { resultTtl: '10s' };
  await flame.call(tasks.bytes.with(options), 1_024);
  const [memory, keys] = [await used(), await client.dbsize()];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next++ < calls) await flame.call(tasks.bytes.with(options), 1_024);
  };
  await Promise.all(Array.from({ length: 50 }, lane));
  const found = async () => ({ keys: (await client.dbsize()) - keys, memory: (await used()) - memory });
  await waitFor(
    async () => {
      const { keys: more, memory: bytes } = await found();
      return more <= 10 && bytes <= 5 * 1024 * 1024;
    },
    { what: 'Redis to be as it was', timeoutMs: 120_000, everyMs: 500, found },
  );
  const { base, queue } = fleet.keys();
  for (const stream of [`${queue}events`, `${base}:events`]) {
    expect(Number(await client.call('MEMORY', 'USAGE', stream)), stream).toBeLessThan(1024 * 1024);
  }
});

test(
  'R-45 AW-13 each of many callers hears of its own results alone, and no output buffer grows',
  patience,
  async () => {
    const callers = bySize({ push: 8, nightly: 50 });
    const each = bySize({ push: 10, nightly: 100 });
    const size = 100_000;
    fleet = await startFleet({ pools, env });
    await fleet.runner();
    for (let i = 0; i < callers; i += 1) proxies.push(await startProxy(fleet.redis.port));
    const flames = proxies.map(({ url }) => fleet.caller(url));
    let buffers = 0;
    const watching = setInterval(async () => {
      const list = (await fleet.client.client('LIST')) as string;
      for (const [, bytes] of list.matchAll(/ omem=(\d+)/g)) buffers = Math.max(buffers, Number(bytes));
    }, 100);
    try {
      await Promise.all(
        flames.map(async (flame, i) => {
          for (let n = 0; n < each; n += 1) {
            const bytes = (await flame.call(tasks.bytes, size, i)) as Uint8Array;
            expect(bytes.length).toBe(size);
            expect(bytes[size - 1]).toBe(i);
          }
        }),
      );
    } finally {
      clearInterval(watching);
    }
    for (const { bytesBack } of proxies) {
      expect(bytesBack).toBeGreaterThan(each * size);
      expect(bytesBack).toBeLessThan(each * size * 1.5);
    }
    expect(buffers).toBeLessThan(1024 * 1024);
  },
);
