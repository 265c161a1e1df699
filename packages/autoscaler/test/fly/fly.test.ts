import { FlameConfigError, type LaunchRequest } from '@flamejs/queue';
import { afterEach, expect, test } from 'vitest';
import { type FakeFly, FLY_TOKEN, startFakeFly } from '../../../../tests/fake-fly/index.ts';
import { type FlyOptions, fly } from '../../src/backends/fly/index.ts';
import { testBackend } from '../../src/testing/index.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
const never = new AbortController().signal;
const options = (cloud: FakeFly, more: FlyOptions = {}): FlyOptions => ({
  app: 'shop-fly',
  image: 'registry.fly.io/shop:42',
  regions: ['fra', 'ams'],
  token: FLY_TOKEN,
  endpoint: cloud.endpoint,
  ...more,
});

testBackend('fly', { test, expect }, async () => {
  const cloud = await startFakeFly();
  return {
    backend: fly(options(cloud)),
    crash: async ({ id }) => cloud.exit(id),
    loseNextAnswer: () => cloud.next('POST', 'lost-reply'),
    dispose: () => cloud.close(),
  };
});

const setup = async (more: FlyOptions = {}) => {
  const cloud = await startFakeFly();
  cleanups.push(() => cloud.close());
  return { cloud, backend: fly(options(cloud, more)) };
};
const request = (more: Partial<LaunchRequest> = {}): LaunchRequest => ({
  app: 'shop',
  pool: 'images',
  runnerId: 'images-abcdef-0000000000aa',
  attempt: 1,
  release: 'r1',
  maxConcurrency: 1,
  env: { FLAME_APP: 'shop', FLAME_CONFIG: '/srv/shop/flame.config.js' },
  secrets: { FLAME_REDIS_URL: 'redis://:canary@10.0.0.5' },
  ...more,
});
const failure = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no failure',
    (error: unknown) => error,
  );
const configOf = (cloud: FakeFly) => [...cloud.machines.values()][0]?.config;

test('the machine ends with its runner and is never restarted; its image, size and command are the configured ones', async () => {
  const { cloud, backend } = await setup({ cpuKind: 'performance', cpus: 2, memory: '4GB' });
  const instance = await backend.launch(request(), never);
  expect(instance).toMatchObject({ location: 'fra', state: 'pending', runnerId: 'images-abcdef-0000000000aa' });
  expect(configOf(cloud)).toMatchObject({
    image: 'registry.fly.io/shop:42',
    guest: { cpu_kind: 'performance', cpus: 2, memory_mb: 4096 },
    init: { cmd: ['node_modules/.bin/flame', 'runner'] },
    restart: { policy: 'no' },
    auto_destroy: true,
    services: [],
    env: { FLAME_CONFIG: 'flame.config.js' },
  });
});

test("S-14 secrets are the Fly app's own and are in no request, unless the environment is asked for", async () => {
  const { cloud, backend } = await setup();
  await backend.launch(request(), never);
  expect(JSON.stringify(configOf(cloud))).not.toContain('canary');
  const open = await setup({ secrets: 'env' });
  await open.backend.launch(request(), never);
  expect(configOf(open.cloud)).toMatchObject({ env: { FLAME_REDIS_URL: 'redis://:canary@10.0.0.5' } });
});

test('a region without capacity leads to the next one; none at all is kind capacity', async () => {
  const { cloud, backend } = await setup();
  cloud.capacity.set('fra', 0);
  expect((await backend.launch(request({ runnerId: 'a1' }), never)).location).toBe('ams');
  cloud.capacity.set('ams', 0);
  expect(await failure(backend.launch(request({ runnerId: 'a2' }), never))).toMatchObject({ kind: 'capacity' });
  expect(cloud.machines.size).toBe(1);
});

test('a lost answer does not lead to another region: the replay finds the machine', async () => {
  const { cloud, backend } = await setup();
  cloud.next('POST', 'lost-reply');
  expect(await failure(backend.launch(request(), never))).toMatchObject({ kind: 'unknown' });
  await backend.launch(request(), never);
  expect([...cloud.machines.values()].map(({ region }) => region)).toEqual(['fra']);
});

test('a throttled look-up is an unknown outcome, a throttled create a definite one', async () => {
  const { cloud, backend } = await setup();
  cloud.next('GET', { status: 429, error: 'rate limited' });
  expect(await failure(backend.launch(request(), never))).toMatchObject({ kind: 'unknown' });
  cloud.next('POST', { status: 429, error: 'rate limited' });
  expect(await failure(backend.launch(request({ runnerId: 'fresh' }), never))).toMatchObject({ kind: 'throttled' });
});

test('throttled after a request whose outcome is unknown stays unknown', async () => {
  const { cloud, backend } = await setup();
  cloud.next('POST', { status: 502, error: 'bad gateway' });
  expect(await failure(backend.launch(request(), never))).toMatchObject({ kind: 'unknown' });
  cloud.next('POST', { status: 429, error: 'rate limited' });
  expect(await failure(backend.launch(request(), never))).toMatchObject({ kind: 'unknown' });
  await backend.launch(request(), never);
  expect(cloud.machines.size).toBe(1);
});

test.each([
  [401, 'unauthenticated', 'auth'],
  [403, 'organization limit reached', 'quota'],
  [422, 'insufficient memory available', 'capacity'],
  [422, 'invalid config', 'invalid'],
  [412, 'failed_precondition', 'unknown'],
  [408, 'deadline exceeded', 'unknown'],
  [502, 'bad gateway', 'unknown'],
])('HTTP %i (%s) is kind %s', async (status, error, kind) => {
  const { cloud, backend } = await setup({ regions: ['fra'] });
  cloud.next('POST', { status, error });
  expect(await failure(backend.launch(request(), never))).toMatchObject({ kind, providerCode: `HTTP ${status}` });
});

test('P23 an API that cannot be reached is an error, not an empty list; check tells of a bad token', async () => {
  const { cloud } = await setup();
  const nowhere = fly(options(cloud, { endpoint: 'http://127.0.0.1:1' }));
  expect(await failure(nowhere.list('shop', never))).toMatchObject({ name: 'FlameLaunchError', kind: 'unknown' });
  const stranger = fly(options(cloud, { token: 'wrong' }));
  expect(await failure(Promise.resolve(stranger.check?.(never)))).toMatchObject({ kind: 'auth' });
});

test('a machine that hangs in `created` is listed as pending, so that the boot timeout ends it', async () => {
  const { cloud, backend } = await setup();
  const { id } = await backend.launch(request(), never);
  const machine = cloud.machines.get(id);
  if (machine !== undefined) machine.state = 'created';
  expect((await backend.list('shop', never))[0]?.state).toMatch(/pending|running/);
  expect(await backend.terminate([id], never)).toEqual([{ id, ok: true }]);
});

test('a termination that Fly refuses is reported for its id alone', async () => {
  const { cloud, backend } = await setup();
  const { id } = await backend.launch(request({ runnerId: 'a1' }), never);
  cloud.next('DELETE', { status: 500, error: 'internal' });
  const results = await backend.terminate([id, 'no-such-machine'], never);
  expect(results.map(({ ok }) => ok).sort()).toEqual([false, true]);
  expect(await backend.terminate([id], never)).toEqual([{ id, ok: true }]);
});

test('without options Fly tells where it runs; what is missing is named', () => {
  try {
    fly({ regions: [], memory: '300MB', cpus: 0.5 });
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(FlameConfigError);
    expect((error as FlameConfigError).problems.map(({ path }) => path).sort()).toEqual([
      'app',
      'cpus',
      'image',
      'memory',
      'regions',
      'token',
    ]);
  }
});
