/** Calls that must not be executed: unsigned, changed, damaged. Each ends with an error that its caller sees. */

import { type Envelope, redisNow, signEnvelope } from '@flamejs/protocol';
import { FlameCodecError, FlameDataLossError, FlameUntrustedError } from '@flamejs/queue';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

describe('T-02: with signing on', () => {
  const KEY = 'k'.repeat(40);
  const DAY = 86_400_000;
  /** As its caller signed it, so many ms ago or, with `undefined`, before envelopes said when they are due. */
  const signedAgo = (agoMs: number | undefined) => async (jobKey: string) => {
    const { sig: _, at: __, ...envelope } = JSON.parse((await stage.client.hget(jobKey, 'data')) ?? '') as Envelope;
    const at = agoMs === undefined ? undefined : (await redisNow(stage.client)) - agoMs;
    const id = jobKey.slice(stage.keys.queue.length);
    return stage.client.hset(jobKey, 'data', JSON.stringify(signEnvelope({ ...envelope, at }, id, 'fixture', KEY)));
  };

  test('T-02: a copy of a signed call is good for `signatureTtl` after it is due, and no longer', async () => {
    await stage.reset();
    const runner = await stage.startRunner({ env: { FLAME_SIGNING_KEY: KEY } });
    expect(await tamperedWith([1], signedAgo(29 * DAY))).toBe('executed');
    const refused = await tamperedWith([1], signedAgo(31 * DAY));
    expect(refused).toBeInstanceOf(FlameUntrustedError);
    expect(String(refused)).toContain('signatureTtl');
    await runner.stop();
  });

  test('T-02: a shorter `signatureTtl` never takes retries by hand away: `failedTtl` and seven days stay', async () => {
    await stage.reset();
    const settings = { signatureTtl: '1h' };
    const runner = await stage.startRunner({ env: { FLAME_SIGNING_KEY: KEY }, settings });
    expect(await tamperedWith([1], signedAgo(13 * DAY))).toBe('executed');
    expect(await tamperedWith([1], signedAgo(15 * DAY))).toBeInstanceOf(FlameUntrustedError);
    await runner.stop();
  });

  test('T-02: a call that does not say when it is due runs until the operator says otherwise', async () => {
    await stage.reset();
    const lenient = await stage.startRunner({ env: { FLAME_SIGNING_KEY: KEY } });
    expect(await tamperedWith([1], signedAgo(undefined))).toBe('executed');
    await lenient.stop();
    const settings = { requireSignedTime: true };
    const strict = await stage.startRunner({ env: { FLAME_SIGNING_KEY: KEY }, settings });
    expect(await tamperedWith([1], signedAgo(undefined))).toBeInstanceOf(FlameUntrustedError);
    await strict.stop();
  });
});
