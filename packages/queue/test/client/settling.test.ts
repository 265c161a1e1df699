/** Every awaited call settles, whoever else waits for it, however many there are, and when nobody is alive but its caller. */

import {
  FlameDeadlineError,
  FlameIdConflictError,
  FlameQueueTimeoutError,
  FlameRunnerLostError,
} from '@flamejs/protocol/errors';
import { decideExpiry } from '@flamejs/protocol/expiry';
import { inspectCall } from '@flamejs/protocol/inspection';
import { noVault } from '@flamejs/protocol/payload/vault';
import { createRedisStore } from '@flamejs/protocol/store/redis-store';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { createFlame } from '../../src/client/index.ts';
import { createLink } from '../../src/client/link.ts';
import { createPendingCalls } from '../../src/client/pending.ts';
import { createSweep, dueLooks } from '../../src/client/sweep.ts';
import { defineFunction } from '../../src/fn.ts';
import { type App, keys, startApp } from './app.ts';

const echo = defineFunction('settleEcho', { pool: 'images' }, (value: unknown) => value);

let app: App;
beforeEach(async () => {
  app = await startApp();
});
afterEach(() => app.stop());

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => ({ resolved: value }),
    (error: unknown) => error,
  );

/** A runner that never gives a sign of life. */
const gone = { runnerId: 'gone', release: 'test' };

test('C-01: a refused call leaves those that wait for the same id their outcome', async () => {
  app.serve();
  const once = echo.with({ id: 'x' });
  expect(await app.flame.call(once, 'right')).toBe('right');
  const [wrong, right] = await Promise.all([failure(app.flame.call(once, 'wrong')), app.flame.call(once, 'right')]);
  expect(wrong).toBeInstanceOf(FlameIdConflictError);
  expect(right).toBe('right');
  expect(await app.flame.call(once, 'right')).toBe('right');
});

test('C-01: an outcome is for those whose call was accepted, not for one that is refused a moment later', async () => {
  const once = echo.with({ id: 'y' });
  const right = app.flame.call(once, 'right');
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 1, { what: 'the call to wait' });
  app.serve();
  // Refused in the moments in which the outcome arrives.
  const refused = await Promise.all(Array.from({ length: 50 }, (_, i) => failure(app.flame.call(once, i))));
  expect(await right).toBe('right');
  for (const error of refused) expect(error).toBeInstanceOf(FlameIdConflictError);
});

test('C-01: whoever still asks gets no outcome of others, and one of its own once it was accepted', () => {
  const pending = createPendingCalls();
  const told: string[] = [];
  const settler = (name: string) => ({
    resolve: () => void told.push(name),
    reject: () => void told.push(`not ${name}`),
  });
  const [accepted, asking] = [settler('accepted'), settler('asking')];
  const outcome = { generation: 1, head: {}, body: Buffer.alloc(0) } as never;
  pending.add('images.x', 'images', accepted);
  pending.add('images.x', 'images', asking, { asking: true });
  pending.settle('images.x', outcome);
  pending.fail('images.x', 'gone');
  expect(told).toEqual(['accepted']);
  pending.accepted('images.x', asking);
  pending.settle('images.x', outcome);
  expect([told, pending.size]).toEqual([['accepted', 'asking'], 0]);
});

test('C-01: a handle that waits for an id goes on waiting when another call of that id is refused', async () => {
  const handle = await app.flame.cast(echo.with({ id: 'z' }), 'right');
  const result = handle.result();
  expect(await failure(app.flame.call(echo.with({ id: 'z' }), 'wrong'))).toBeInstanceOf(FlameIdConflictError);
  app.serve();
  expect(await result).toBe('right');
});

test('C-02: a delayed call that is due is bounded when nobody is alive, and says so', async () => {
  const error = await failure(app.flame.call(echo.with({ delay: 300, queueTimeout: 300 }), 1));
  expect(error).toBeInstanceOf(FlameQueueTimeoutError);
  expect((error as FlameQueueTimeoutError).reason).toMatch(/no runner, and no autoscaler/);
  expect(await app.client.zcard(`${keys.queue}delayed`)).toBe(0);
});

test('C-02: the default bound of a call holds for one that was delayed, and for one in backoff', async () => {
  await app.stop();
  // The default bound is the boot time and 30 s.
  app = await startApp({ bootTimeoutMs: -29_700 });
  const error = await failure(app.flame.call(echo.with({ delay: 200 }), 1));
  expect(error).toBeInstanceOf(FlameQueueTimeoutError);
  expect((error as Error).message).toMatch(/has no runner/);

  const { id } = await app.flame.cast(echo, 2);
  const store = createRedisStore(app.client, keys);
  const [taken] = (await store.take(gone, { plain: 1, offer: [], offered: [] })).calls;
  const fence = { callId: id, attempt: taken?.attempt ?? 0, generation: 1 };
  await store.settle(gone, [{ ...fence, kind: 'retry', reason: 'it failed', delayMs: 300 }], [false]);
  expect((await inspectCall(app.client, keys, id)).state).toBe('delayed');
  const due = await waitFor(
    async () => {
      const call = await inspectCall(app.client, keys, id);
      return call.state === 'waiting' && call.waitedMs >= 100 ? call : undefined;
    },
    { what: 'the backoff to be over' },
  );
  expect(decideExpiry(due, { limitMs: 100, watchedMs: Number.POSITIVE_INFINITY })).toMatchObject({
    kind: 'no-progress',
  });
  expect(await app.flame.attach(id).status()).toMatchObject({ state: 'waiting', reason: 'no-autoscaler' });
});

test('C-02: a call whose only runner was killed while it ran is taken back by its caller, and its bounds hold', async () => {
  const promise = failure(app.flame.call(echo.with({ queueTimeout: 500 }), 1));
  const single = failure(app.flame.call(echo.with({ queueTimeout: 500, onRunnerLost: 'fail' }), 2));
  const store = createRedisStore(app.client, keys);
  const begun = await waitFor(
    async () => {
      const { calls } = await store.take(gone, { plain: 2, offer: [], offered: [] });
      for (const { callId } of calls) await app.client.pexpire(`${keys.queue}${callId}:lock`, 100);
      return (await app.client.llen(`${keys.queue}active`)) === 2;
    },
    { what: 'the calls to be picked up' },
  );
  expect(begun).toBe(true);
  expect(await promise).toBeInstanceOf(FlameQueueTimeoutError);
  expect(await single).toBeInstanceOf(FlameRunnerLostError);
});

test('C-02: whoever awaits a handle keeps the bounds that its call was given elsewhere', async () => {
  const [waiting, dated] = await Promise.all([
    app.flame.cast(echo.with({ queueTimeout: 300 }), 1),
    app.flame.cast(echo.with({ deadline: 300, delay: '1h' }), 2),
  ]);
  const other = app.other();
  expect(await failure(other.attach(waiting.id).result())).toBeInstanceOf(FlameQueueTimeoutError);
  expect(await failure(other.attach(dated.id).result())).toBeInstanceOf(FlameDeadlineError);
});

test('C-03: calls whose look is due again and again keep nobody from those behind them', async () => {
  const pending = createPendingCalls();
  const settler = { resolve: () => undefined, reject: () => undefined };
  for (let i = 0; i < 1_000; i += 1) pending.add(`images.${i}`, 'images', settler).lookAt = 1_000 - i;
  expect(dueLooks(pending.values(), 500).map(({ lookAt }) => lookAt)).toEqual(
    Array.from({ length: 500 }, (_, i) => i + 1),
  );
});

test('C-03: more calls that never rest than one step looks at hide no outcome of the others', async () => {
  const pending = createPendingCalls();
  const link = createLink(app.config, pino({ level: 'silent' }));
  const settled = new Set<string>();
  const sweep = createSweep({
    config: app.config,
    link,
    vault: noVault,
    pending,
    settle: (_pool, callId) => void settled.add(callId),
    callerId: 'me',
    poolOf: () => ({ config: app.config.pools.images, keys }) as never,
    logger: pino({ level: 'silent' }),
  });
  const settler = { resolve: () => undefined, reject: () => undefined };
  const awaitCall = (id: string): void =>
    void Object.assign(pending.add(id, 'images', settler), { lookAt: 0, lookEveryMs: 0 });
  try {
    const waiting = await Promise.all(Array.from({ length: 250 }, () => app.flame.cast(echo, 1)));
    for (const { id } of waiting) awaitCall(id);
    await app.client.hset(keys.outcome('images.done'), { gen: 1, head: '{"ok":true}', body: 'x' });
    awaitCall('images.done');
    sweep.start(0);
    await waitFor(() => settled.has('images.done'), { what: 'the last call to be looked at' });
  } finally {
    sweep.stop();
    link.close();
  }
});

test('C-03: what is wrong with one call hinders no look at another', async () => {
  const [broken, whole] = [app.flame.call(echo, 'broken'), app.flame.call(echo, 'whole')];
  void failure(broken);
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 2, { what: 'the calls to wait' });
  const [wholeId = '', brokenId = ''] = await app.client.lrange(`${keys.queue}wait`, 0, -1);
  await app.client.hset(`${keys.queue}${wholeId}`, 'f:w', '');
  // No hash: each look at it is an error.
  await app.client.del(`${keys.queue}${brokenId}`);
  await app.client.set(`${keys.queue}${brokenId}`, 'not a hash');
  app.serve();
  expect(await whole).toBe('whole');
});

test('A-12: a call that waits where nobody is alive is warned of once, within seconds', async () => {
  const lines: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  const flame = createFlame(app.config, { logger });
  try {
    const calls = [1, 2, 3].map((i) => failure(flame.call(echo, i)));
    const warned = (): string[] => lines.filter((line) => line.includes('no autoscaler'));
    await waitFor(() => warned().length > 0, { what: 'the warning' });
    expect(warned()[0]).toMatch(/npx flamejs dev/);
    await flame.close();
    await Promise.all(calls);
    expect(warned()).toHaveLength(1);
  } finally {
    await flame.close();
  }
});
