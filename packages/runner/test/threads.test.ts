/** A pool with `isolation: 'thread'`, from the call to its outcome. What threads alone can do stands in executor/thread.test.ts. */
import { join } from 'node:path';
import { FlameCancelledError, FlameTimeoutError } from '@flamejs/queue';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Stage, startStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
  await stage.startRunner({ pool: { isolation: 'thread', maxConcurrency: 2, killGrace: '200ms' } });
});
afterAll(() => stage.stop());

test('values arrive whole, small and large, and so does an error', async () => {
  const { echo, reverse, fail } = stage.tasks;
  const rich = { date: new Date(5), map: new Map([['a', 1n]]), set: new Set(['b']), bytes: Buffer.from([1, 2, 3]) };
  expect(await stage.call(echo, rich)).toEqual(rich);
  for (const size of [100, 20_000, 300_000]) {
    const bytes = Buffer.alloc(size, 3);
    bytes[0] = 9;
    expect(
      Buffer.from(bytes)
        .reverse()
        .equals((await stage.call(reverse, bytes)) as Buffer),
    ).toBe(true);
  }
  await expect(stage.call(fail, 'it failed in a thread')).rejects.toThrow('it failed in a thread');
});

test('progress is reported, and a child says that it is up', async () => {
  const handle = (await stage.cast(stage.tasks.reportText, 'half')) as unknown as {
    progress(): AsyncIterable<unknown>;
    result(): Promise<unknown>;
  };
  const seen: unknown[] = [];
  for await (const value of handle.progress()) seen.push(value);
  expect(seen.at(-1)).toEqual({ text: 'half' });
  await handle.result();
});

test('a call made by a function comes back to it', async () => {
  expect(await stage.call(stage.tasks.nested, 2, 3)).toMatchObject({ inner: 5 });
});

test('a busy loop ends at its timeout, and its neighbour does not notice', async () => {
  const { spin, wait } = stage.tasks;
  const neighbour = stage.call(wait, 1_500, 'undisturbed');
  const spinning = stage.call(spin?.with({ timeout: '300ms' }), join(stage.folder, 'spin'));
  await expect(spinning).rejects.toBeInstanceOf(FlameTimeoutError);
  expect(await neighbour).toBe('undisturbed');
});

test('a cancelled call is told, and ends', async () => {
  const handle = (await stage.cast(stage.tasks.wait, 60_000, 'never')) as unknown as {
    cancel(): Promise<string>;
    result(): Promise<unknown>;
    status(): Promise<{ state: string }>;
  };
  while ((await handle.status()).state !== 'running') await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await handle.cancel()).toBe('stopping');
  await expect(handle.result()).rejects.toBeInstanceOf(FlameCancelledError);
});
