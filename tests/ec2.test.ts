/** The whole product on EC2: the image-resize example, its runners real processes on machines of the strict fake. */
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { ARM_IMAGE, type FakeEc2, type Machine, startFakeEc2 } from './fake-ec2/index.ts';
import { localMachines } from './fake-ec2/local-machine.ts';
import { startNode, type TestProcess } from './support/processes.ts';
import { type RedisServer, startRedis } from './support/redis.ts';
import { settles, waitFor } from './support/wait-for.ts';

const EXAMPLE = fileURLToPath(new URL('../examples/image-resize/', import.meta.url));
const CONTROLLER = new URL('./fixtures/ec2/controller.ts', import.meta.url);
const RUNNER_MAIN = fileURLToPath(import.meta.resolve('@flamejs/runner/main'));
const WIDTHS = [240, 320, 480, 640];

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const startCloud = async (redis: RedisServer, output: string[]): Promise<FakeEc2> => {
  const cloud = await startFakeEc2({
    lag: { idMs: 100, tagMs: 400, stateMs: 50 },
    boot: { delayMs: 200 },
    terminate: { delayMs: 200 },
    buckets: 'aws',
    capacity: Object.fromEntries(['a', 'b'].map((zone) => [`c7g.large/eu-central-1${zone}/spot`, 0])),
    onLaunch: localMachines({
      // What is in the image: the example, and the runner's own command.
      command: () => ({ file: process.execPath, args: [RUNNER_MAIN], cwd: EXAMPLE }),
      secrets: { '/images/redis-url': redis.url },
      env: { FLAME_TEST_RUN: process.env.FLAME_TEST_RUN ?? '', FLAME_LOG_LEVEL: 'info' },
      onOutput: ({ id }, text) => output.push(`${id}: ${text}`),
    }),
  });
  cleanups.push(() => cloud.close());
  return cloud;
};

const startController = async (cloud: FakeEc2, redis: RedisServer): Promise<TestProcess> => {
  const controller = await startNode(CONTROLLER, {
    nodeArgs: ['--import', 'tsx'],
    cwd: EXAMPLE,
    env: {
      REDIS_URL: redis.url,
      TEST_EC2_OPTIONS: JSON.stringify({
        region: cloud.region,
        endpoint: cloud.endpoint,
        credentials: cloud.credentials,
        instanceTypes: ['c7g.large', 'c6g.large'],
        subnets: ['subnet-0aaaaaaaaaaaaaaa1', 'subnet-0bbbbbbbbbbbbbbb1'],
        ami: ARM_IMAGE,
        spot: 'only',
        iamInstanceProfile: 'flame-runner',
        securityGroups: ['sg-0123456789abcdef0'],
        application: { image: '123456789012.dkr.ecr.eu-central-1.amazonaws.com/images:1' },
        secrets: { redisUrl: { ssm: '/images/redis-url' } },
      }),
    },
  });
  cleanups.push(() => controller.stop());
  await controller.waitForOutput(/controller started/, 60_000);
  return controller;
};

test('P21 P25 R-41 AS-05 the example on EC2: 0 → n → 0 with a controller killed in mid-launch, a lost reply, no capacity for the first type, and a spot interruption in mid-call', async () => {
  const redis = await startRedis({ appendonly: true });
  cleanups.push(() => redis.stop());
  process.env.REDIS_URL = redis.url;
  const output: string[] = [];
  const cloud = await startCloud(redis, output);
  const facts = (): unknown => ({
    counts: cloud.audit.counts(),
    alive: cloud.alive().map(describe),
    output: output.slice(-20),
    settled,
    controllers: controllers.map((it) => it.output().slice(-3_000)),
  });
  const controllers: TestProcess[] = [];
  let settled = 0;

  // The first machine is made, and its controller dies before it hears of it.
  const isLaunch = ({ DryRun }: { readonly DryRun?: unknown }): boolean => DryRun !== true;
  cloud.faults.next(
    'RunInstances',
    { kind: 'slow', ms: 30_000 },
    { where: (params) => isLaunch(params) && params.InstanceType === 'c6g.large' },
  );
  const doomed = await startController(cloud, redis);
  controllers.push(doomed);

  const { flame } = await import('../examples/image-resize/src/flame.ts');
  const { resizeImage } = await import('../examples/image-resize/src/tasks/resize.ts');
  const { readPhotos } = await import('../examples/image-resize/src/photos.ts');
  cleanups.push(() => flame.close());
  const photos = (await readPhotos()).filter(({ name }) => !name.includes('truncated'));
  const jobs = Array.from({ length: 10 }).flatMap(() =>
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

  await waitFor(() => cloud.machines.size > 0, { what: 'the first machine', timeoutMs: 60_000, found: facts });
  await doomed.kill9();
  // The second launch loses its answer on the way.
  cloud.faults.next('RunInstances', { kind: 'lost-reply' }, { where: (params) => params.InstanceType === 'c6g.large' });
  const successor = await startController(cloud, redis);
  controllers.push(successor);

  // A machine on which calls run is taken away.
  const victim = await waitFor(async () => busyMachine(cloud, redis), {
    what: 'a busy spot machine',
    timeoutMs: 90_000,
    everyMs: 50,
    found: facts,
  });
  cloud.interruptSpot(victim.id, 2_000);

  const outcomes = await settles(results, { what: 'all calls', timeoutMs: 150_000 });
  const rejected = outcomes.flatMap((it) => (it.status === 'rejected' ? [String(it.reason)] : []));
  expect(rejected, JSON.stringify(facts())).toEqual([]);
  for (const [i, { image, width }] of jobs.entries()) {
    // The first round is compared in full; the others are the same calls.
    if (i >= photos.length * WIDTHS.length) break;
    const outcome = outcomes[i];
    expect(
      outcome?.status === 'fulfilled' &&
        Buffer.from(outcome.value).equals(Buffer.from(await resizeImage(image, width))),
    ).toBe(true);
  }
  await waitFor(() => cloud.alive().length === 0, { what: 'all machines to be gone', timeoutMs: 90_000, found: facts });

  const counts = cloud.audit.counts();
  expect(cloud.audit.duplicates('flame:runner-id')).toEqual([]);
  expect(cloud.audit.peak()).toBeLessThanOrEqual(3);
  expect(cloud.machines.size).toBeGreaterThanOrEqual(2);
  expect([...cloud.machines.values()].every(({ type, market }) => type === 'c6g.large' && market === 'spot')).toBe(
    true,
  );
  expect(counts['RunInstances!InsufficientInstanceCapacity']).toBeGreaterThan(0);
  expect(victim.reason()).toMatch(/SpotInstanceTermination|InstanceInitiatedShutdown|UserInitiatedShutdown/);
  // For the numbers in docs/backends/ec2.md.
  process.stdout.write(
    `${JSON.stringify({ calls: jobs.length, machines: cloud.machines.size, counts, billedSeconds: Math.round(cloud.audit.billedSeconds()) })}\n`,
  );
}, 400_000);

const describe = (machine: Machine): string => `${machine.id} ${machine.type} ${machine.zone} ${machine.state()}`;

/** A machine whose runner executes something now. */
const busyMachine = async (cloud: FakeEc2, redis: RedisServer): Promise<Machine | undefined> => {
  const client = redis.client();
  try {
    const keys = await client.keys('{flame:image-resize:images}:runner:*');
    const records = await Promise.all(keys.map((key) => client.hgetall(key)));
    const ready = records.filter(({ state }) => state === 'ready');
    const busy = ready.find(({ active }) => Number(active) > 0);
    if (busy === undefined) return undefined;
    const key = keys[records.indexOf(busy)] ?? '';
    return cloud
      .alive()
      .find(({ tags, state }) => key.endsWith(tags.get('flame:runner-id') ?? '-') && state() === 'running');
  } finally {
    client.disconnect();
  }
};
