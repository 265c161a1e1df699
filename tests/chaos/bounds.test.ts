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

/**
 * Makes calls, then leaves calls pending in two steps and takes half of them back; says how much heap each call of the
 * second step costs. The first one pays for what exists once: code that is compiled, tables, buffers.
 */
const CALLER = `
import { createFlame } from '@flamejs/queue';
import config from './flame.config.mjs';
import { add } from './tasks.mjs';
const [calls, few, pending] = process.argv.slice(-3).map(Number);
const flame = createFlame(config);
let warnings = 0;
process.on('warning', (warning) => {
  warnings += 1;
  console.error(warning);
});
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
// Replies, code and weak references are let go of over several turns: the heap is what is left once it shrinks no more.
const heap = async () => {
  let least = Number.POSITIVE_INFINITY;
  for (let still = 0; still < 10; still += 1) {
    await sleep(100);
    globalThis.gc();
    const now = process.memoryUsage().heapUsed;
    if (now < least - 16 * 1024) still = 0;
    least = Math.min(least, now);
  }
  return least;
};
const told = (message) =>
  new Promise((resolve) => process.on('message', (found) => found === message && resolve()));
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

await told('paused');
// One signal for half of them, as for the calls of one request that a user gives up.
const abort = new AbortController();
const cancellable = add.with({ signal: abort.signal });
const ends = [];
const leave = async (count) => {
  while (ends.length < count) ends.push(flame.call(ends.length % 2 === 0 ? add : cancellable, ends.length, 1));
  await told('queued ' + count);
};
const ended = (parity) => Promise.allSettled(ends.filter((_, i) => i % 2 === parity));
const kinds = (outcomes) => [...new Set(outcomes.map(({ status, reason }) => reason?.name ?? status))].join();
await leave(few);
const withFew = await heap();
await leave(pending);
console.log('each', Math.round(((await heap()) - withFew) / (pending - few)));
abort.abort();
const cancelled = kinds(await ended(1));
process.send('cancelled');
const values = kinds(await ended(0)); // the pool is resumed
console.log('ends', cancelled, values);
ends.length = 0;
console.log('after', (await heap()) - afterCalls);
console.log('warnings', warnings);
await flame.close();
process.disconnect();
`;

/** Of the caller's heap, for each call that it awaits: see the table of limits in docs/performance.md. */
const AWAITED_BYTES = 1.9 * 1024;

test(
  'R-42 a caller’s memory does not grow with the calls that it has made, and little with those that it awaits',
  patience,
  async () => {
    const calls = bySize({ push: 1_000, nightly: 100_000 });
    const few = 1_000;
    const pending = bySize({ push: 3_000, nightly: 10_000 });
    fleet = await startFleet({ pools, env });
    await fleet.runner();
    const caller = await startSource(CALLER, {
      cwd: APP_FOLDER,
      nodeArgs: ['--expose-gc'],
      args: [String(calls), String(few), String(pending)],
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
    const { queue } = fleet.keys();
    const queued = (count: number): Promise<unknown> =>
      waitFor(
        async () => (await fleet.client.llen(`${queue}wait`)) + (await fleet.client.llen(`${queue}active`)) >= count,
        { what: `${count} calls to be in the queue`, timeoutMs: 120_000 },
      );
    try {
      expect(await number('idle')).toBeLessThan(20 * 1024 * 1024);
      await fleet.client.hset(`${queue}meta`, 'paused', 1);
      caller.child.send('paused');
      await queued(few);
      caller.child.send(`queued ${few}`);
      await queued(pending);
      const cancelled = told('cancelled');
      caller.child.send(`queued ${pending}`);
      // The envelope, so that it can be made again should Redis lose it, the promise, and the stack of the call site.
      expect(await number('each')).toBeLessThan(AWAITED_BYTES);
      await cancelled;
      await fleet.client.hdel(`${queue}meta`, 'paused');
      await fleet.client.zadd(`${queue}marker`, 0, '0');
      await caller.waitForOutput(/^ends AbortError fulfilled$/m, 300_000);
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
