import { setTimeout as sleep } from 'node:timers/promises';
import { appKeys, connect, disconnect } from '@flamejs/protocol';
import { expect, test } from 'vitest';
import { startRedis } from '../../../tests/support/redis.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { watchAutoscaler } from '../src/terminator.ts';

const TIMES = { failsafeTimeoutMs: 2_000, heartbeatTimeoutMs: 2_000 };

/** The process stands still, as in a laptop that sleeps; its clock goes on. */
const standStill = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

test('C-70: a runner that stood still for longer than its timeout has not heard its autoscaler be silent', async () => {
  await using redis = await startRedis();
  const client = connect({ kind: 'single', url: redis.url, options: {} }, 'steady', 'test');
  const keys = appKeys('flame', 'sleeper');
  let beats = 0;
  await client.set(keys.heartbeat, beats);
  let silent: string | undefined;
  const watch = watchAutoscaler({ client, keys, ...TIMES, onSilent: (why) => (silent = why) });
  try {
    standStill(3 * TIMES.heartbeatTimeoutMs);
    // The autoscaler slept as well, and goes on.
    for (const until = performance.now() + TIMES.heartbeatTimeoutMs; performance.now() < until; ) {
      beats += 1;
      await client.set(keys.heartbeat, beats);
      await sleep(50); // the beats of the other
    }
    expect(silent).toBeUndefined();
    // When it does fall silent while the runner is awake, the runner ends.
    await waitFor(() => silent === 'heartbeat', { what: 'the runner to notice' });
  } finally {
    watch.stop();
    disconnect(client);
  }
});
