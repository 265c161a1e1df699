/** How long outcomes are kept: what somebody awaits until it was read, and what was read no longer than need be. */

import { FlameRemovedError } from '@flamejs/protocol/errors';
import { acknowledge, lookupCall } from '@flamejs/protocol/store/redis-outcomes';
import { READ_BODY_MS } from '@flamejs/protocol/verdict';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { defineFunction } from '../../src/fn.ts';
import { type App, keys, startApp } from './app.ts';
import { runProgram } from './program.ts';

const bytes = defineFunction('programBytes', { pool: 'images' }, (size: number) => Buffer.alloc(size, 1));
const LARGE = 200_000;
const HOUR = 3_600_000;

let app: App;
beforeEach(async () => {
  app = await startApp();
});
afterEach(() => app.stop());

const ttlOf = (key: string): Promise<number> => app.client.pttl(key);
const onlyId = async (): Promise<string> => {
  const [id = ''] = await app.client.zrange(`${keys.queue}completed`, '0', '-1');
  return id;
};

test('C-06: results that a busy process awaits do not expire before it has read them', async () => {
  const sizes = [1_000, 20_000, 20_000, LARGE];
  const program = runProgram('busy', app.redis.url, [JSON.stringify(sizes), '200ms', '1500']);
  try {
    await waitFor(() => program.lines.includes('busy'), {
      what: 'the calls to be made',
      found: program.errors,
    });
    app.serve();
    await waitFor(() => program.lines.length === 2, { what: 'the results', found: program.errors });
    expect(program.lines[1]).toBe(`results ${[...sizes, ...sizes].join(' ')}`);
    // Read now, and older than their own time: none is kept any longer.
    const outcomes = (): Promise<string[]> => app.client.keys(keys.outcome('*'));
    await waitFor(async () => (await outcomes()).length === 0, { what: 'the outcomes to go', found: outcomes });
    expect(await app.client.keys(keys.body('*'))).toEqual([]);
  } finally {
    program.kill();
  }
});

test('C-06: each of those who wait has the outcome kept; from the last reading on its own time counts', async () => {
  app.serve();
  const { id } = await app.flame.cast(bytes.with({ resultTtl: '10m', delay: 300 }), 20_000);
  await lookupCall(app.client, keys, id, 'one');
  await lookupCall(app.client, keys, id, 'two');
  await waitFor(() => app.client.exists(keys.outcome(id)), { what: 'the outcome' });
  expect(await ttlOf(keys.outcome(id))).toBeGreaterThan(HOUR - 60_000);
  const read = { callId: id, generation: 1, read: true };
  // Of another generation, or by somebody who has not waited: not this one's reading.
  await acknowledge(app.client, keys, 'one', 'test', [{ ...read, generation: 2 }]);
  await acknowledge(app.client, keys, 'three', 'test', [read]);
  await acknowledge(app.client, keys, 'two', 'test', [read, read]);
  expect(await ttlOf(keys.outcome(id))).toBeGreaterThan(HOUR - 60_000);
  await acknowledge(app.client, keys, 'one', 'test', [read]);
  const left = await ttlOf(keys.outcome(id));
  expect(left).toBeLessThanOrEqual(600_000);
  expect(left).toBeGreaterThan(500_000);
});

test('C-06: what nobody awaits lives as long as it was told', async () => {
  app.serve();
  const { id } = await app.flame.cast(bytes.with({ resultTtl: '10m' }), LARGE);
  await waitFor(() => app.client.exists(keys.outcome(id)), { what: 'the outcome' });
  for (const key of [keys.outcome(id), keys.body(id)]) {
    const left = await ttlOf(key);
    expect(left).toBeLessThanOrEqual(600_000);
    expect(left).toBeGreaterThan(500_000);
  }
});

test('C-54: a large result that its only waiter has read goes a minute later; the call itself stays known', async () => {
  app.serve();
  expect((await app.flame.call(bytes, LARGE)).length).toBe(LARGE);
  const id = await onlyId();
  await waitFor(async () => (await ttlOf(keys.body(id))) <= READ_BODY_MS, { what: 'the reading to be known' });
  expect(await ttlOf(keys.body(id))).toBeGreaterThan(0);
  expect(await ttlOf(keys.outcome(id))).toBeGreaterThan(HOUR - 60_000);
  // Later than the minute.
  await app.client.del(keys.body(id));
  const error = await app.flame
    .attach(id)
    .result()
    .catch((e: unknown) => e);
  expect(error).toBeInstanceOf(FlameRemovedError);
  expect((error as Error).message).toMatch(new RegExp(`delivered to .*/${process.pid} at 20\\d\\d-`));
  expect(await app.flame.attach(id).status()).toMatchObject({ state: 'succeeded' });
});

test('C-54: whoever comes within the minute has it kept for its whole time again', async () => {
  app.serve();
  await app.flame.call(bytes, LARGE);
  const id = await onlyId();
  await waitFor(async () => (await ttlOf(keys.body(id))) <= READ_BODY_MS, { what: 'the reading to be known' });
  expect(((await app.other().attach(id).result()) as Buffer).length).toBe(LARGE);
  expect(await ttlOf(keys.body(id))).toBeGreaterThan(HOUR - 60_000);
  expect(((await app.other().attach(id).result()) as Buffer).length).toBe(LARGE);
});

test('C-54: results of casts, of ids of the user’s own, of calls that others await, and small ones stay', async () => {
  app.serve();
  const cast = await app.flame.cast(bytes, LARGE);
  await cast.result();
  await app.flame.call(bytes.with({ id: 'mine' }), LARGE);
  await app.flame.call(bytes, 1_000);
  const shared = app.flame.call(bytes.with({ delay: 300 }), LARGE);
  const [id = ''] = await waitFor(
    async () => {
      const delayed = await app.client.zrange(`${keys.queue}delayed`, '0', '-1');
      return delayed.length > 0 ? delayed : undefined;
    },
    { what: 'the call to be there' },
  );
  await lookupCall(app.client, keys, id, 'somebody');
  await shared;
  // One that goes, made last: when its reading is known, so is that of the others.
  await app.flame.call(bytes, LARGE);
  const ttls = async (): Promise<number[]> =>
    (await Promise.all((await app.client.keys(keys.body('*'))).map(ttlOf))).sort((a, b) => a - b);
  const [first, ...others] = await waitFor(
    async () => {
      const all = await ttls();
      return (all[0] ?? HOUR) <= READ_BODY_MS ? all : undefined;
    },
    { what: 'the last reading to be known', found: ttls },
  );
  expect(first).toBeGreaterThan(0);
  expect(others).toHaveLength(3);
  for (const ttl of others) expect(ttl).toBeGreaterThan(HOUR - 60_000);
  expect(await app.client.keys(keys.outcome('*'))).toHaveLength(5);
});

test('C-54: an error is kept as long as any failed call', async () => {
  const bad = defineFunction('keptBad', { pool: 'images' }, () => {
    throw new Error('x'.repeat(LARGE));
  });
  app.serve();
  await expect(app.flame.call(bad)).rejects.toThrow('xxx');
  const [id = ''] = await app.client.zrange(`${keys.queue}failed`, '0', '-1');
  expect(await ttlOf(keys.outcome(id))).toBeGreaterThan(24 * HOUR);
});
