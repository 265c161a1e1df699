/** Runners for one call each, and what a quiet runner costs. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { settles, waitFor } from '../../../tests/support/wait-for.ts';
import { linesOf, type Stage, startStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterEach(() => stage.reset());
afterAll(() => stage.stop());

test('F17 a single-use runner takes one call, never a second, and ends', async () => {
  const file = join(stage.folder, 'single');
  const handles = await Promise.all(Array.from({ length: 5 }, (_, i) => stage.cast(stage.tasks.effect, file, 300, i)));
  const runner = await stage.startRunner({ pool: { singleUse: true, maxConcurrency: 1 }, booting: true });
  expect(await settles(runner.exited, { what: 'the runner to end' })).toEqual({
    code: 0,
    signal: null,
  });
  expect(await handles[0]?.result()).toBe(0);
  expect(linesOf(readFileSync(file, 'utf8')).filter((line) => line.startsWith('start'))).toHaveLength(1);
  // No other was picked up and handed back either.
  const waiting = await stage.client.lrange(`${stage.keys.queue}wait`, 0, -1);
  expect(waiting).toHaveLength(4);
  for (const id of waiting) expect(await stage.client.hget(`${stage.keys.queue}${id}`, 'ats')).toBeNull();
  expect(await runner.record()).toMatchObject({ reason: 'single-use', served: '1', slots: '1' });
});

test('a call that has been cancelled does not use a single-use runner up', async () => {
  const { client, keys, tasks } = stage;
  const dead = await stage.cast(tasks.echo?.with({ delay: '1h' }), 1);
  await client.hset(`${keys.queue}${dead.id}`, 'f:cancel', 'not wanted');
  await client.zadd(`${keys.queue}delayed`, 'XX', 0, dead.id);
  const runner = await stage.startRunner({ pool: { singleUse: true, maxConcurrency: 1 } });
  await expect(dead.result()).rejects.toThrow('not wanted');
  expect(await stage.call(tasks.add, 1, 2)).toBe(3);
  await settles(runner.exited, { what: 'the runner to end' });
});

test('a quiet runner issues fewer than two Redis commands a second', async () => {
  const runner = await stage.startRunner();
  await waitFor(async () => (await stage.events()).some((e) => e.type === 'runner.idle'), { what: 'it to be idle' });
  const clients = async () =>
    String(await stage.client.call('CLIENT', 'LIST'))
      .split('\n')
      .filter((line) => line.includes(`runner:${runner.runnerId}:`));
  expect(await clients()).toHaveLength(3);
  // What the runner sends, as Redis sees it: scripts' own commands are marked as `lua` and cost no round trip.
  const seen: string[] = [];
  const ports = (await clients()).map((line) => /addr=(\S+)/.exec(line)?.[1] ?? '');
  const monitor = await stage.redis.client().monitor();
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    if (ports.includes(source)) seen.push(args.join(' ').slice(0, 60));
  });
  const startedAt = performance.now();
  await waitFor(() => performance.now() - startedAt > 20_000, { what: 'twenty quiet seconds' });
  const seconds = (performance.now() - startedAt) / 1000;
  monitor.disconnect();
  expect(seen.length).toBeGreaterThan(5);
  // What is sent every n seconds is seen once more than the span has of them, where it begins and ends with one.
  const kinds = new Set(seen.map((command) => command.split(' ').slice(0, 2).join(' '))).size;
  expect((seen.length - kinds) / seconds, seen.join('\n')).toBeLessThan(2);
});
