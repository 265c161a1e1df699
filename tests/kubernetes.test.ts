/** The whole product in a cluster: the image-resize example, its runners real processes in pods of the strict fake. */
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { type FakeKubernetes, type FakePod, localPods, startFakeKubernetes } from './fake-kubernetes/index.ts';
import { startNode, type TestProcess } from './support/processes.ts';
import { type RedisServer, startRedis } from './support/redis.ts';
import { bySize } from './support/tier.ts';
import { settles, waitFor } from './support/wait-for.ts';

const EXAMPLE = fileURLToPath(new URL('../examples/image-resize/', import.meta.url));
const CONTROLLER = new URL('./fixtures/kubernetes/controller.ts', import.meta.url);
const RUNNER_MAIN = fileURLToPath(import.meta.resolve('@flamejs/runner/main'));
const WIDTHS = [240, 320, 480, 640];
const ROUNDS = bySize({ push: 4, nightly: 12 });

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const startCluster = async (redis: RedisServer, output: string[]): Promise<FakeKubernetes> => {
  const cloud = await startFakeKubernetes({
    start: localPods({
      // What is in the image: the example, and the runner's own command.
      command: () => ({ file: process.execPath, args: [RUNNER_MAIN], cwd: EXAMPLE }),
      secrets: { 'images/redis-url': redis.url },
      env: { FLAME_TEST_RUN: process.env.FLAME_TEST_RUN ?? '', FLAME_LOG_LEVEL: 'info' },
      onOutput: ({ metadata }, text) => output.push(`${metadata.name}: ${text}`),
    }),
  });
  cleanups.push(() => cloud.close());
  return cloud;
};

const startController = async (cloud: FakeKubernetes, redis: RedisServer): Promise<TestProcess> => {
  const controller = await startNode(CONTROLLER, {
    nodeArgs: ['--import', 'tsx'],
    cwd: EXAMPLE,
    env: {
      REDIS_URL: redis.url,
      TEST_KUBERNETES_OPTIONS: JSON.stringify({
        kubeconfig: cloud.kubeconfig,
        image: 'registry.example.com/images:1',
        secrets: { redisUrl: { name: 'images', key: 'redis-url' } },
      }),
    },
  });
  cleanups.push(() => controller.stop());
  await controller.waitForOutput(/controller started/, 60_000);
  return controller;
};

test('I1 I2 I5 the example in a cluster: 0 → n → 0 with a controller killed between create and record, a lost reply, no room and then room, a watch cut, a 410, an eviction in mid-call', async () => {
  const redis = await startRedis({ appendonly: true });
  cleanups.push(() => redis.stop());
  process.env.REDIS_URL = redis.url;
  const output: string[] = [];
  const cloud = await startCluster(redis, output);
  const controllers: TestProcess[] = [];
  let settled = 0;
  const facts = (): unknown => ({
    settled,
    pods: cloud.cluster.history.map(describe),
    requests: cloud.requests.slice(-20),
    output: output.slice(-20),
    controllers: controllers.map((it) => it.output().slice(-3_000)),
  });

  // The first pod is made, and its controller is killed before it hears of it.
  cloud.next('POST', 'lost-reply');
  cloud.knobs.room = 1;
  const doomed = await startController(cloud, redis);
  controllers.push(doomed);

  const { flame } = await import('../examples/image-resize/src/flame.ts');
  const { resizeImage } = await import('../examples/image-resize/src/tasks/resize.ts');
  const { readPhotos } = await import('../examples/image-resize/src/photos.ts');
  cleanups.push(() => flame.close());
  const photos = (await readPhotos()).filter(({ name }) => !name.includes('truncated'));
  const jobs = Array.from({ length: ROUNDS }).flatMap(() =>
    photos.flatMap(({ image }) => WIDTHS.map((width) => ({ image, width }))),
  );
  const calls = jobs.map(({ image, width }) => flame.call(resizeImage, image, width));
  for (const call of calls)
    void call.then(
      () => {
        settled += 1;
      },
      () => undefined,
    );
  const results = Promise.allSettled(calls);

  await waitFor(() => cloud.cluster.history.length > 0, { what: 'the first pod', timeoutMs: 60_000, found: facts });
  await doomed.kill9();
  cloud.next('POST', 'lost-reply');
  controllers.push(await startController(cloud, redis));

  const unschedulable = (): boolean =>
    cloud.alive().some(({ status }) => status.conditions.some(({ reason }) => reason === 'Unschedulable'));
  await waitFor(unschedulable, { what: 'a pod without room', timeoutMs: 60_000, found: facts });
  cloud.cluster.cutWatches();
  cloud.cluster.compact();
  cloud.knobs.room = Number.POSITIVE_INFINITY;
  cloud.reschedule();

  const victim = await waitFor(() => busyPod(cloud, redis), {
    what: 'a busy pod',
    timeoutMs: 90_000,
    everyMs: 20,
    found: facts,
  });
  await cloud.evict(victim);

  const outcomes = await settles(results, { what: 'all calls', timeoutMs: 150_000 });
  const rejected = outcomes.flatMap((it) => (it.status === 'rejected' ? [String(it.reason)] : []));
  expect(rejected, JSON.stringify(facts())).toEqual([]);
  for (const [i, { image, width }] of jobs.slice(0, photos.length * WIDTHS.length).entries()) {
    const outcome = outcomes[i];
    expect(
      outcome?.status === 'fulfilled' &&
        Buffer.from(outcome.value).equals(Buffer.from(await resizeImage(image, width))),
    ).toBe(true);
  }
  await waitFor(() => cloud.alive().length === 0, { what: 'all pods to end', timeoutMs: 90_000, found: facts });

  const names = cloud.cluster.history.map(({ metadata }) => metadata.name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(2);
  // For the numbers in docs/backends/kubernetes.md.
  const count = (pattern: RegExp): number => cloud.requests.filter((line) => pattern.test(line)).length;
  const counts = {
    lists: count(/^GET \S+\/pods \d/),
    watches: count(/^WATCH/),
    creates: count(/^POST \S+\/pods/),
    looks: count(/^GET \S+\/pods\//),
    deletes: count(/^DELETE/),
  };
  process.stdout.write(`${JSON.stringify({ calls: jobs.length, pods: names.length, counts })}\n`);
}, 400_000);

const describe = ({ metadata, spec, status }: FakePod): string =>
  `${metadata.name} on ${spec.nodeName}: ${status.phase}${metadata.deletionTimestamp === undefined ? '' : ', leaving'}`;

/** A pod whose runner executes something now. */
const busyPod = async (cloud: FakeKubernetes, redis: RedisServer): Promise<FakePod | undefined> => {
  const client = redis.client();
  try {
    const keys = await client.keys('{flame:image-resize:images}:runner:*');
    const records = await Promise.all(keys.map((key) => client.hgetall(key)));
    const at = records.findIndex(({ state, active }) => state === 'ready' && Number(active) > 0);
    return cloud.alive().find(({ metadata }) => keys[at]?.endsWith(metadata.name) ?? false);
  } finally {
    client.disconnect();
  }
};
