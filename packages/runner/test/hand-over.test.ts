/** A runner and what is pushed to it: what it has offered begins, once; what is forged, repeated or late begins nothing. */
import { newOffer } from '@flamejs/protocol';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { type RunnerProcess, type Stage, startStage } from './support.ts';

let stage: Stage;
let runner: RunnerProcess;
beforeEach(async () => {
  stage ??= await startStage();
  runner = await stage.startRunner();
  await onOffer(2);
});
afterEach(async () => {
  for (const client of taps.splice(0)) client.disconnect();
  await stage.reset();
});
afterAll(() => stage?.stop());

const taps: Redis[] = [];

const onOffer = (count: number) =>
  waitFor(async () => (await stage.client.zcard(stage.keys.free)) === count, { what: `${count} slots to be on offer` });
const active = (): Promise<number> => stage.client.llen(`${stage.keys.queue}active`);

/** Everything that is pushed to the runner from now on. */
const tap = async (): Promise<Buffer[]> => {
  const heard: Buffer[] = [];
  const client = stage.client.duplicate();
  taps.push(client);
  client.on('messageBuffer', (_: Buffer, message: Buffer) => heard.push(message));
  await client.subscribe(stage.keys.hand(runner.runnerId));
  return heard;
};

test('calls reach an idle runner without waiting in the queue, and its slots are on offer again', async () => {
  const heard = await tap();
  expect(await stage.call(stage.tasks.add, 2, 3)).toBe(5);
  expect(await stage.call(stage.tasks.add, 4, 5)).toBe(9);
  expect(heard).toHaveLength(2);
  await onOffer(2);
});

test('a push under a number that nobody has offered begins nothing, and spoils nothing', async () => {
  const handle = await stage.cast(stage.tasks.add?.with({ delay: '1h' }), 1, 1);
  const data = await stage.client.hget(`${stage.keys.queue}${handle.id}`, 'data');
  const at = Date.now();
  for (const text of [
    `${newOffer()}\n${handle.id}\n${at}\n0\n0\n${data}`,
    `${newOffer()}\nmain.unknown\n${at}\n0\n0\n${data}`,
    `\n\n\n`,
    'x',
    '',
  ]) {
    await stage.client.publish(stage.keys.hand(runner.runnerId), text);
  }
  expect(await stage.call(stage.tasks.add, 1, 2)).toBe(3);
  expect((await runner.record()).state).toBe('ready');
  expect(await stage.client.hget(`${stage.keys.queue}${handle.id}`, 'ats')).toBeNull();
  expect(Number((await runner.record()).served)).toBeLessThanOrEqual(1);
});

test('a push that is repeated, at once or later, begins nothing', async () => {
  const heard = await tap();
  const first = stage.call(stage.tasks.wait, 1_000, 'once');
  await waitFor(() => heard.length === 1, { what: 'the push' });
  await stage.client.publish(stage.keys.hand(runner.runnerId), heard[0] as Buffer);
  expect(await active()).toBe(1);
  expect(await first).toBe('once');
  await stage.client.publish(stage.keys.hand(runner.runnerId), heard[0] as Buffer);
  expect(await stage.call(stage.tasks.add, 1, 1)).toBe(2);
  await runner.stop();
  expect((await stage.events()).filter(({ type }) => type === 'runner.ended')).toHaveLength(1);
  expect((await runner.record()).served).toBe('2');
});

test('a call whose push never arrived goes back, and counts as no loss', async () => {
  // As if somebody else had taken the push: the runner knows only that its offer is gone.
  const [entry = ''] = await stage.client.zpopmin(stage.keys.free);
  expect(entry.endsWith(runner.runnerId)).toBe(true);
  const handle = await stage.cast(stage.tasks.echo?.with({ delay: '1h' }), 'back');
  const job = `${stage.keys.queue}${handle.id}`;
  await stage.client.zrem(`${stage.keys.queue}delayed`, handle.id);
  await stage.client.hset(job, { ats: 1, 'f:run': runner.runnerId });
  await stage.client.set(`${job}:lock`, runner.runnerId, 'PX', 60_000);
  await stage.client.lpush(`${stage.keys.queue}active`, handle.id);
  expect(await handle.result()).toBe('back');
  expect(await stage.client.hget(job, 'f:loss')).toBeNull();
  await onOffer(2);
});

test('a drained runner has nothing on offer, and ends what was handed over before', async () => {
  const running = stage.call(stage.tasks.wait, 500, 'done');
  await waitFor(async () => (await active()) === 1, { what: 'it to run' });
  runner.signal('SIGTERM');
  expect(await running).toBe('done');
  await runner.exited;
  expect(await stage.client.zcard(stage.keys.free)).toBe(0);
});

test('a runner that stood still between push and begin asks first: what another has taken over does not begin here', async () => {
  const heard = await tap();
  runner.signal('SIGSTOP');
  const handle = await stage.cast(stage.tasks.where);
  await waitFor(() => heard.length === 1, { what: 'the push' });
  const other = await stage.startRunner({ id: 'other' });
  expect(await handle.result()).toMatchObject({ runnerId: other.runnerId });
  runner.signal('SIGCONT');
  await waitFor(() => /another runner has this call now/.test(runner.output()), { what: 'it to see that' });
  expect((await runner.record()).active).toBe('0');
});
