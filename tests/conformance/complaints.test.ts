/** What users of other queues have complained about, on real runners: cases of the pain corpus by their ids. */
import { createFlame } from '@flamejs/queue';
import { parseConfig } from '@flamejs/queue/internal';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { APP_FOLDER, type Fleet, type RunnerProcess, startFleet, tasks } from '../support/fleet.ts';
import { executorsOf, startSource } from '../support/processes.ts';
import { bySize } from '../support/tier.ts';
import { settles, waitFor } from '../support/wait-for.ts';

const SLOTS = 3;
let fleet: Fleet;
let runner: RunnerProcess;
beforeAll(async () => {
  fleet = await startFleet({
    pools: { main: { max: 2, maxConcurrency: SLOTS, timeout: '30s', killGrace: '50ms', payloadLimit: '1MB' } },
  });
  runner = await fleet.runner();
});
afterAll(() => fleet.stop());

const inList = (list: string): Promise<readonly string[]> => fleet.client.lrange(`${fleet.keys().queue}${list}`, 0, -1);
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => `it succeeded with ${String(value)}`,
    (error: unknown) => error,
  );

test('TK-02 TK-06 after one timeout after the other the runner has its executors, and all of its slots', async () => {
  const late = tasks.spin.with({ timeout: '200ms' });
  const errors = await Promise.all(
    Array.from({ length: bySize({ push: 9, nightly: 40 }) }, () => failureOf(fleet.flame.call(late, ''))),
  );
  for (const error of errors) expect(error).toMatchObject({ name: 'FlameTimeoutError' });
  // A runner takes as many calls as it has had executors at once, and each timeout has ended one.
  await waitFor(() => executorsOf(runner.process.pid).length === SLOTS + 1, { what: 'the executors to be there' });
  const good = Array.from({ length: SLOTS }, (_, i) => fleet.flame.call(tasks.wait, 6_000, i));
  await waitFor(async () => (await inList('active')).length === SLOTS, { what: 'all slots to be used' });
  expect(await Promise.all(good)).toEqual([0, 1, 2]);
  // One more than slots is kept warm; what is killed is gone, and no zombie either.
  await waitFor(() => executorsOf(runner.process.pid).length === SLOTS + 1, { what: 'the executors to be replaced' });
});

test('PS-16 a result that is too large spoils its own call and none of its neighbours', async () => {
  const sizes = Array.from({ length: 10 }, (_, i) => (i === 4 ? 5_000_000 : 1_000));
  const results = await Promise.allSettled(sizes.map((size) => fleet.flame.call(tasks.bytes, size)));
  const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  expect(failed).toEqual([expect.objectContaining({ name: 'FlamePayloadTooLargeError' })]);
});

test('PS-12 an id without a job behind it is passed over, and nothing of it stays', async () => {
  await fleet.client.lpush(`${fleet.keys().queue}wait`, 'main.ghost');
  expect(await fleet.flame.call(tasks.echo, 'on')).toBe('on');
  await waitFor(async () => (await inList('wait')).length + (await inList('active')).length === 0, {
    what: 'the ghost to be gone',
    found: async () => [await inList('wait'), await inList('active')],
  });
  expect(await fleet.flame.call(tasks.echo, 'still on')).toBe('still on');
});

test('PS-11 waiting calls whose records were damaged settle with typed errors, and the others are served', async () => {
  const { queue } = fleet.keys();
  const busy = Array.from({ length: SLOTS }, () => fleet.flame.call(tasks.wait, 1_500));
  await waitFor(async () => (await inList('active')).length === SLOTS, { what: 'the runner to be busy' });
  const handles = await Promise.all(Array.from({ length: 12 }, (_, i) => fleet.flame.cast(tasks.echo, i)));
  const [gone, text, half] = handles.map(({ id }) => `${queue}${id}`);
  await fleet.client.hdel(gone ?? '', 'data');
  await fleet.client.hset(text ?? '', 'data', 'undefined');
  await fleet.client.hset(half ?? '', 'data', '{"v":1,"fn":');
  const results = await Promise.all(handles.map((handle) => failureOf(handle.result().then((value) => [value]))));
  for (const damaged of results.slice(0, 3)) {
    expect(damaged).toMatchObject({ name: expect.stringMatching(/^Flame(Codec|Untrusted)/) });
  }
  expect(results.slice(3)).toEqual(handles.slice(3).map((_, i) => `it succeeded with ${i + 3}`));
  await Promise.all(busy);
});

test('CO-01 CO-02 one hung call holds one slot; delayed calls and more calls than slots are served on the others', async () => {
  const hung = await fleet.flame.cast(tasks.wait.with({ timeout: '5m' }), 300_000);
  const delayed = Array.from({ length: 20 }, (_, i) => fleet.flame.call(tasks.echo.with({ delay: 20 * i }), i));
  const more = Array.from({ length: 20 }, (_, i) => fleet.flame.call(tasks.echo, i));
  const numbers = Array.from({ length: 20 }, (_, i) => i);
  expect(await Promise.all(delayed)).toEqual(numbers);
  expect(await Promise.all(more)).toEqual(numbers);
  await hung.cancel('enough');
  expect(await failureOf(hung.result())).toMatchObject({ name: 'FlameCancelledError' });
});

test('DC-04 DC-05 delayed calls of an idle queue run when they are due, the soonest first, whatever came before', async () => {
  const castAt = Date.now();
  const never = await fleet.flame.cast(tasks.echo.with({ delay: '6h' }), 'never');
  const ends: [string, number][] = [];
  const call = async (name: string, delay: number): Promise<void> => {
    await fleet.flame.call(tasks.echo.with({ delay }), name);
    ends.push([name, Date.now() - castAt]);
  };
  await Promise.all([call('third', 3_000), call('first', 1_000), call('second', 2_000)]);
  expect(ends.map(([name]) => name)).toEqual(['first', 'second', 'third']);
  for (const [i, [, tookMs]] of ends.entries()) expect(tookMs).toBeGreaterThanOrEqual((i + 1) * 1_000);
  // By hours, said the complaint; this much is a slow machine.
  expect(ends[2]?.[1]).toBeLessThan(60_000);
  await never.cancel('enough');
});

test('RI-07 every text is an id, and each is another call', async () => {
  const ids = ['a:b', '123', 'é'.repeat(1_000), '🔥', '../x', '{t}', ' ', 'a\nb', '__proto__'];
  const results = await Promise.all(ids.map((id, i) => fleet.flame.call(tasks.echo.with({ id }), i)));
  expect(results).toEqual(ids.map((_, i) => i));
  for (const id of ['', 'é'.repeat(1_001), 7]) expect(() => tasks.echo.with({ id })).toThrow(/id: expected a text/);
});

test('AW-05 thousands of calls leave no rejection unhandled, those that fail included', async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  const calls = Array.from({ length: bySize({ push: 1_000, nightly: 20_000 }) }, (_, i) =>
    failureOf(i % 10 === 0 ? fleet.flame.call(tasks.fail, 'no') : fleet.flame.call(tasks.echo, i)),
  );
  await Promise.all(calls);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

test('CO-06 hundreds of pools in one process share its connections', async () => {
  const pools = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`p${i}`, { max: 1 }]));
  const input = { app: 'many', redis: fleet.redis.url, pools };
  const flame = createFlame(parseConfig(input, { root: APP_FOLDER, configFile: undefined }));
  try {
    const fns = Object.keys(pools).map((pool) => flame.fn(`in-${pool}`, { pool }, () => pool));
    const handles = await Promise.all(fns.map((fn) => flame.cast(fn)));
    expect(new Set(handles.map(({ id }) => id)).size).toBe(300);
    const clients = String(await fleet.client.client('LIST')).split('\n');
    expect(clients.filter((line) => line.includes('name=flame:many')).length).toBeLessThanOrEqual(3);
  } finally {
    await flame.close();
  }
});

test.each([
  [
    'close()',
    `import { flame } from './flame.mjs';
     import { echo } from './tasks.mjs';
     console.log('result', await flame.call(echo, 'last'));
     await flame.close();`,
  ],
  [
    'stop() of an autoscaler',
    `import { createAutoscaler } from '@flamejs/autoscaler';
     import config from './flame.config.mjs';
     const autoscaler = createAutoscaler(config);
     await autoscaler.start();
     await autoscaler.stop();`,
  ],
])('SD-18 after %s a process ends by itself', async (_, source) => {
  const watched = `${source}
    const closedAt = performance.now();
    console.log('closed');
    process.on('exit', () => console.log('lived on for', Math.round(performance.now() - closedAt), 'ms'));
  `;
  const child = await startSource(watched, { cwd: APP_FOLDER, env: fleet.env });
  await child.waitForOutput(/closed/);
  expect((await settles(child.exited, { what: 'the process to end' })).code).toBe(0);
  const [, livedOnMs] = await child.waitForOutput(/lived on for (\d+) ms/);
  expect(Number(livedOnMs)).toBeLessThan(10_000);
});

test('SD-04 SD-07 a draining runner lets its calls go on: one that fails then has failed, one that makes calls may', async () => {
  const doomed = await fleet.runner();
  await runner.process.kill9();
  await waitFor(async () => (await inList('active')).length === 0, { what: 'nothing to run' });
  const failing = failureOf(fleet.flame.call(tasks.failLate, 2_500, 'it was shut down'));
  const nesting = fleet.flame.call(tasks.nestedLate, 1_500, 2, 3);
  await waitFor(async () => (await inList('active')).length === 2, { what: 'both to run' });
  doomed.process.signal('SIGTERM');
  const next = await fleet.runner();
  expect(await nesting).toBe(5);
  expect(await failing).toMatchObject({ name: 'Error', message: 'it was shut down' });
  expect((await settles(doomed.process.exited, { what: 'the runner to end' })).code).toBe(0);
  expect(next.process.alive()).toBe(true);
});
