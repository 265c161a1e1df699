/** What a caller hears when the cluster makes no runner: typed, with the cluster's own words, long before `bootTimeout`. */
import { type CallOptions, createFlame, defineConfig } from '@flamejs/queue';
import { parseConfig } from '@flamejs/queue/internal';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FakeKubernetes, startFakeKubernetes } from '../../../../tests/fake-kubernetes/index.ts';
import { type RedisServer, startRedis } from '../../../../tests/support/redis.ts';
import { createAutoscaler } from '../../src/autoscaler.ts';
import { kubernetes } from '../../src/backends/kubernetes/index.ts';
import type { FullPoolStatus } from '../../src/pool-status.ts';
import { failure } from './support.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

let apps = 0;

/** @returns what a call of an app rejects with whose cluster was made so */
const rejection = async (
  spoil: (cloud: FakeKubernetes) => void,
  options: CallOptions = {},
): Promise<{ readonly error: unknown; readonly pods: number; readonly status: FullPoolStatus | undefined }> => {
  const cloud = await startFakeKubernetes();
  spoil(cloud);
  apps += 1;
  const backend = kubernetes({ kubeconfig: cloud.kubeconfig, image: 'registry.example.com/shop:1' });
  const quick = { ...backend, defaults: { ...backend.defaults, tickMs: 200, fastTickMs: 100 } };
  const input = {
    app: `cluster-${process.pid}-${apps}`,
    redis: redis.url,
    release: 'r1',
    functions: [],
    // Far beyond the patience of this test: nothing of what is heard may have waited for it.
    pools: { work: { max: 3, bootTimeout: '10m', backend: quick } },
  };
  const config = parseConfig(input as never, { root: process.cwd(), configFile: undefined, env: {} });
  const autoscaler = createAutoscaler(config, { logger: pino({ level: 'silent' }) });
  const flame = createFlame(defineConfig(input as never));
  try {
    await autoscaler.start();
    const work = flame.fn('work', { pool: 'work' }, async () => 1);
    const error = await failure(flame.call(work.with(options)));
    return { error, pods: cloud.cluster.history.length, status: autoscaler.status().pools.work };
  } finally {
    await flame.close();
    await autoscaler.stop({ drain: false });
    await backend.close?.();
    await cloud.close();
  }
};

test.each([
  [
    'a broken image',
    (cloud: FakeKubernetes) => {
      cloud.knobs.badImage = () => 'manifest unknown';
    },
    /ImagePullBackOff: .*manifest unknown/,
  ],
  [
    'a verb that is forbidden',
    (cloud: FakeKubernetes) => {
      cloud.user.rules = [{ resources: ['pods'], verbs: ['get', 'list', 'watch', 'delete'] }];
    },
    /cannot create resource "pods"/,
  ],
  [
    'an admission that refuses',
    (cloud: FakeKubernetes) => {
      cloud.cluster.options.admission = () => 'images must be signed';
    },
    /images must be signed/,
  ],
] as const)('C-33 %s ends as an error that names it', async (_, spoil, words) => {
  const { error, pods, status } = await rejection(spoil);
  expect(error).toMatchObject({ code: 'FLAME_ERR_BOOT' });
  expect((error as Error).message).toMatch(words);
  expect(status?.blocked).toMatch(words);
  // The breaker's, not one for each call or tick.
  expect(pods).toBeLessThanOrEqual(3);
});

test('C-33 a quota that is used up ends as an error that names it, and opens no breaker', async () => {
  const { error, pods, status } = await rejection(
    (cloud) => {
      cloud.cluster.options.quota = 0;
    },
    { queueTimeout: '3s' },
  );
  expect(error).toMatchObject({
    code: 'FLAME_ERR_QUEUE_TIMEOUT',
    message: expect.stringMatching(/exceeded quota: runners/),
  });
  expect(status?.breaker.open).toBe(false);
  expect(pods).toBe(0);
});

test('C-33 a list that is forbidden: nothing is launched blindly, and the caller hears why', async () => {
  const { error, pods } = await rejection(
    (cloud) => {
      cloud.user.rules = [{ resources: ['pods'], verbs: ['get', 'watch', 'create', 'delete'] }];
    },
    { queueTimeout: '3s' },
  );
  expect(error).toMatchObject({
    code: 'FLAME_ERR_QUEUE_TIMEOUT',
    message: expect.stringMatching(/cannot list resource "pods"/),
  });
  expect(pods).toBe(0);
});
