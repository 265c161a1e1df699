/** Calls that must not be executed: unsigned, changed, damaged. Each ends with an error that its caller sees. */
import { FlameCodecError, FlameDataLossError, FlameUntrustedError } from '@flamejs/queue';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Stage, startStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.stop());

/** A call that waits until it has been tampered with. */
const tamperedWith = async (
  args: readonly unknown[],
  tamper: (jobKey: string, argsKey: string) => Promise<unknown>,
) => {
  const { echo } = stage.tasks;
  const queue = stage.keys.queue;
  const handle = await stage.cast(echo?.with({ delay: '1h' }), ...args);
  await tamper(`${queue}${handle.id}`, stage.keys.args(handle.id));
  // Due now.
  await stage.client.zadd(`${queue}delayed`, 'XX', 0, handle.id);
  await stage.housekeeping.promoteDelayed();
  return handle.result().then(
    () => 'executed',
    (error: unknown) => error,
  );
};

test('a call that nobody signed is not executed by a runner that has a signing key', async () => {
  const runner = await stage.startRunner({ env: { FLAME_SIGNING_KEY: 'k'.repeat(40) } });
  await expect(stage.call(stage.tasks.add, 1, 2)).rejects.toThrow(FlameUntrustedError);
  await runner.stop();
});

test('arguments that were changed or have vanished are not executed', async () => {
  await stage.startRunner();
  const large = [Buffer.alloc(100_000, 1)];
  expect(await tamperedWith(large, (_, key) => stage.client.set(key, Buffer.alloc(100_000, 2)))).toBeInstanceOf(
    FlameUntrustedError,
  );
  expect(await tamperedWith(large, (_, key) => stage.client.del(key))).toBeInstanceOf(FlameDataLossError);
});

test.each([
  ['no JSON', 'not json'],
  ['no envelope', '{"v":1,"fn":"echo"}'],
  ['of another version', '{"v":99}'],
  ['without numbers', '{"v":1,"fn":"echo","args":"[]","release":"r","by":"x","size":1,"opts":{"timeoutMs":1}}'],
])('a call whose envelope is %s ends, and the runner goes on', async (_, data) => {
  expect(await tamperedWith([1], (key) => stage.client.hset(key, 'data', data))).toBeInstanceOf(FlameCodecError);
  expect(await stage.call(stage.tasks.add, 4, 5)).toBe(9);
});

test.each(['opts', 'progress', 'parent', 'f:loss', 'f:qt', 'f:since', 'atm'])(
  'C-05: a call whose field %s is damaged ends, and the runner goes on',
  async (field) => {
    const ended = await tamperedWith([1], async (key) => {
      await stage.client.hset(key, field, '{');
      // Picked up after what looks like a lost runner, so that losses are counted too.
      await stage.client.hset(key, 'f:run', 'gone');
    });
    expect(ended).toBe('executed');
    expect(await stage.call(stage.tasks.add, 4, 5)).toBe(9);
  },
);
