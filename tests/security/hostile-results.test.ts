/** S-18: whoever writes outcomes cannot bring a caller down: each ends in a typed error, and little memory. */
import { randomBytes } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { createFlame, FlameError } from '@flamejs/queue';
import { encode, packPayload, parseConfig } from '@flamejs/queue/internal';
import { compress } from '@flamejs/queue/payload';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { waitFor } from '../support/wait-for.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ app: { payload: compress() } });
});
afterAll(() => fleet?.stop());

const MB = 1024 * 1024;
const json = (text: string): Buffer => packPayload({ json: text, parts: [] });

/** What ten hostile runners would store. */
const hostile: Readonly<Record<string, () => Uint8Array>> = {
  'a bomb': () => Buffer.concat([Buffer.of(0x11, 1), deflateRawSync(Buffer.alloc(64 * MB), { level: 1 })]),
  'an array of a billion holes, a thousand times': () =>
    json(
      JSON.stringify(
        Array.from({ length: 1_000 }, () => ({ $: 'Array', n: 1e9, v: [] })).concat([{ $: 'unknown' } as never]),
      ),
    ),
  'nesting of a hundred thousand levels': () => json('['.repeat(100_000) + ']'.repeat(100_000)),
  'three million empty objects': () => json(`[${'{},'.repeat(3 * MB)}{}]`),
  'a typed array of petabytes': () => json(JSON.stringify({ $: 'Float64Array', n: 2 ** 50, p: 0 })),
  'a part longer than the frame': () => {
    const frame = packPayload(encode(randomBytes(5_000)));
    frame.writeUInt32LE(2 ** 32 - 1, 12);
    return frame;
  },
  'four billion parts': () => {
    const frame = json('1');
    frame.writeUInt32LE(2 ** 32 - 1, 8);
    return frame;
  },
  'a number of a million digits': () => json(JSON.stringify({ $: 'BigInt', v: '9'.repeat(MB) })),
  'no frame at all': () => randomBytes(MB),
  nothing: () => Buffer.alloc(0),
};

test('S-18 ten hostile outcomes end as typed errors at the caller, whose memory grows by less than 50 MB', {
  timeout: 180_000,
}, async () => {
  const { app, root } = fleet.config;
  const config = parseConfig(
    { app, redis: fleet.redis.url, pools: { main: {} }, payload: compress() },
    { root, configFile: undefined, env: { FLAME_RELEASE: 'test' } },
  );
  await using flame = createFlame(config);
  const collect = (globalThis as { gc?: () => void }).gc;
  for (const [name, make] of Object.entries(hostile)) {
    const { id } = await fleet.flame.cast(tasks.echo.with({ delay: '1h' }), 1);
    const head = {
      ok: true,
      kind: 'value',
      message: '',
      attempts: 1,
      runnerLosses: 0,
      runnerId: 'x',
      startedAt: 0,
      size: 1,
    };
    const body = make();
    await fleet.client.hset(fleet.keys().outcome(id), { gen: '1', head: JSON.stringify(head), at: '1' });
    await fleet.client.hset(fleet.keys().outcome(id), 'body', Buffer.from(body));
    collect?.();
    const before = process.memoryUsage().heapUsed;
    const started = performance.now();
    const error = await flame
      .attach(id)
      .result()
      .then(
        () => 'a value',
        (reason: unknown) => reason,
      );
    expect(error, name).toBeInstanceOf(FlameError);
    expect(['FLAME_ERR_CODEC', 'FLAME_ERR_SEAL', 'FLAME_ERR_PAYLOAD_TOO_LARGE'], name).toContain(
      (error as FlameError).code,
    );
    expect(performance.now() - started, name).toBeLessThan(10_000);
    expect((process.memoryUsage().heapUsed - before) / MB, name).toBeLessThan(50);
  }
  expect(Object.keys(hostile)).toHaveLength(10);
});

test('S-18 an endless stream of progress: a slow reader gets the newest thousand', { timeout: 180_000 }, async () => {
  const handle = await fleet.flame.cast(tasks.echo.with({ delay: '1h' }), 1);
  const channel = fleet.keys().progress(handle.id);
  const other = fleet.redis.client();
  let arrived = 0;
  other.on('message', () => {
    arrived += 1;
  });
  await other.subscribe(channel);
  const flood = async (count: number): Promise<void> => {
    const pipeline = fleet.client.pipeline();
    for (let i = 1; i <= count; i += 1) pipeline.publish(channel, String(i));
    await pipeline.exec();
    const before = arrived;
    await waitFor(() => arrived >= count, { what: `all values to arrive (${before} had)` });
    // What came to us at the same time is on its way through this process's other connection.
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  const seen: number[] = [];
  const watch = (async () => {
    for await (const value of handle.progress()) {
      seen.push(value as number);
      if (seen.length === 1) await flood(20_000);
      if (value === 20_000) return;
    }
  })();
  await waitFor(
    async () => {
      if (seen.length === 0) await fleet.client.publish(channel, '0');
      return seen.at(-1) === 20_000;
    },
    { what: 'the newest value', found: () => [seen.length, seen.at(-1)] },
  );
  await watch;
  expect(seen.length).toBeLessThan(5_000);
  await handle.cancel();
});
