import { FlameConfigError, type LaunchRequest } from '@flamejs/queue';
import { afterEach, expect, test } from 'vitest';
import { type FakeDocker, startFakeDocker } from '../../../../tests/fake-docker/index.ts';
import { type DockerOptions, docker } from '../../src/backends/docker/index.ts';
import { createTombs } from '../../src/backends/docker/tombs.ts';
import { testBackend } from '../../src/testing/index.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
const never = new AbortController().signal;

testBackend('docker', { test, expect }, async () => {
  const engine = await startFakeDocker();
  return {
    backend: docker({ image: 'shop:1', host: engine.host }),
    crash: async ({ id }) => engine.exit(id, 137),
    loseNextAnswer: () => engine.next(/^POST .*\/start$/, 'lost-reply'),
    dispose: () => engine.close(),
  };
});

const setup = async (options: Partial<DockerOptions> = {}) => {
  const engine: FakeDocker = await startFakeDocker();
  cleanups.push(() => engine.close());
  return { engine, backend: docker({ image: 'shop:1', host: engine.host, ...options }) };
};
const request = (more: Partial<LaunchRequest> = {}): LaunchRequest => ({
  app: 'shop',
  pool: 'images',
  runnerId: 'images-abcdef-0000000000aa',
  attempt: 1,
  release: 'r1',
  maxConcurrency: 1,
  env: { FLAME_APP: 'shop', FLAME_CONFIG: '/srv/shop/flame.config.js' },
  secrets: {
    FLAME_REDIS_URL: 'redis://:canary@10.0.0.5',
    FLAME_SIGNING_KEY: 'canary-key',
    FLAME_ENCRYPTION_KEYS: 'k:canary',
  },
  ...more,
});
const specOf = (engine: FakeDocker) => {
  const [container] = engine.containers.values();
  if (container === undefined) throw new Error('there is no container');
  return container.spec;
};
const failure = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no failure',
    (error: unknown) => error,
  );

test('S-15 the container gets no privileges: capabilities, root file system, processes, memory, user, network', async () => {
  const { engine, backend } = await setup({ memory: '512MB', cpus: 0.5, pids: 200, tmp: '64MB' });
  await backend.launch(request(), never);
  expect(specOf(engine)).toMatchObject({
    User: '1000:1000',
    HostConfig: {
      NetworkMode: 'bridge',
      Init: true,
      RestartPolicy: { Name: 'no' },
      AutoRemove: false,
      Privileged: false,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges:true'],
      ReadonlyRootfs: true,
      Tmpfs: { '/tmp': `rw,nosuid,nodev,mode=1777,size=${64 * 1024 ** 2}` },
      PidsLimit: 200,
      Memory: 512 * 1024 ** 2,
      MemorySwap: 512 * 1024 ** 2,
      NanoCpus: 500_000_000,
    },
  });
  expect(JSON.stringify(specOf(engine))).not.toContain('docker.sock');
});

test('S-14 with files for the secrets, their values are nowhere in the request', async () => {
  const { engine, backend } = await setup({
    secretFiles: {
      redisUrl: '/run/secrets/redis',
      signingKey: '/run/secrets/key',
      encryptionKeys: '/run/secrets/keys',
    },
  });
  await backend.launch(request(), never);
  const spec = specOf(engine);
  expect(JSON.stringify(spec)).not.toContain('canary');
  expect(spec.HostConfig?.Binds).toEqual([
    '/run/secrets/redis:/run/secrets/flame-redis-url:ro',
    '/run/secrets/key:/run/secrets/flame-signing-key:ro',
    '/run/secrets/keys:/run/secrets/flame-encryption-keys:ro',
  ]);
  expect(spec.Env).toContain('FLAME_REDIS_URL_FILE=/run/secrets/flame-redis-url');
});

test('the config file is named as the container finds it', async () => {
  const { engine, backend } = await setup();
  await backend.launch(request(), never);
  expect(specOf(engine).Env).toContain('FLAME_CONFIG=flame.config.js');
  expect(specOf(engine).Env).toContain('FLAME_REDIS_URL=redis://:canary@10.0.0.5');
});

test('a lost answer to the create is found by name, and the container is started once', async () => {
  const { engine, backend } = await setup();
  engine.next(/^POST .*\/create$/, 'lost-reply');
  expect(await failure(backend.launch(request(), never))).toMatchObject({ kind: 'unknown' });
  expect((await backend.launch(request(), never)).state).toBe('running');
  expect(engine.containers.size).toBe(1);
});

test('a name that is just being taken is found by name, also where the engine says 500 in the place of 409, as podman says 500', async () => {
  const { engine, backend } = await setup();
  const { id } = await backend.launch(request(), never);
  engine.next(
    /^POST .*\/create$/,
    500,
    'the container name "images" is already in use by abc. that name is already in use',
  );
  expect(await backend.launch(request(), never)).toMatchObject({ id, state: 'running' });
});

test('a name that somebody else has is refused, and that container is left alone', async () => {
  const { engine, backend } = await setup();
  await backend.launch(request({ app: 'other' }), never);
  expect(await failure(backend.launch(request(), never))).toMatchObject({ kind: 'invalid' });
  expect([...engine.containers.values()].map(({ status }) => status)).toEqual(['running']);
});

test('a missing image is pulled once; one that the registry lacks, and `pull: never`, are errors', async () => {
  const { engine, backend } = await setup();
  engine.images.clear();
  await backend.launch(request(), never);
  expect(engine.requests.filter((line) => line.includes('/images/create'))).toHaveLength(1);
  engine.images.clear();
  engine.registry.clear();
  expect(await failure(backend.launch(request({ runnerId: 'other' }), never))).toMatchObject({
    name: 'FlameLaunchError',
  });
  const strict = docker({ image: 'shop:1', host: engine.host, pull: 'never' });
  expect(await failure(strict.launch(request({ runnerId: 'third' }), never))).toMatchObject({ kind: 'invalid' });
  expect(await failure(Promise.resolve(strict.check?.(never)))).toMatchObject({ kind: 'invalid' });
});

test.each([
  [403, 'auth'],
  [400, 'invalid'],
  [429, 'throttled'],
  [500, 'unknown'],
])('HTTP %i is kind %s', async (status, kind) => {
  const { engine, backend } = await setup();
  engine.next(/^POST .*\/create$/, status);
  expect(await failure(backend.launch(request(), never))).toMatchObject({ kind, providerCode: `HTTP ${status}` });
});

test('P23 an engine that cannot be reached is an error, not an empty list', async () => {
  const backend = docker({ image: 'shop:1', host: 'tcp://127.0.0.1:1' });
  expect(await failure(backend.list('shop', never))).toMatchObject({ name: 'FlameLaunchError', kind: 'unknown' });
  expect(await failure(backend.launch(request(), never))).toMatchObject({ kind: 'unknown' });
});

test('a container that was never started is removed when it is ended', async () => {
  const { engine, backend } = await setup();
  engine.next(/^POST .*\/start$/, 500);
  await failure(backend.launch(request(), never));
  const [listed] = await backend.list('shop', never);
  expect(listed?.state).toBe('pending');
  expect(await backend.terminate([listed?.id ?? ''], never)).toMatchObject([{ ok: true }]);
  expect(engine.containers.size).toBe(0);
});

test('an ended container keeps its name for ten minutes and is removed then', async () => {
  const { engine, backend } = await setup();
  const { id } = await backend.launch(request(), never);
  engine.exit(id, 3);
  expect(await backend.launch(request(), never)).toMatchObject({ id, state: 'gone', end: { exitCode: 3 } });
  const clock = { ms: 0 };
  const tombs = createTombs(() => clock.ms);
  const removed: string[] = [];
  const daemon = { getContainer: (key: string) => ({ remove: async () => removed.push(key) }) };
  const ended = [{ Id: id }] as unknown as Parameters<typeof tombs.sweep>[0];
  const sweep = () => tombs.sweep(ended, daemon as unknown as Parameters<typeof tombs.sweep>[1]);
  await sweep();
  clock.ms = 599_999;
  await sweep();
  expect(removed).toEqual([]);
  clock.ms = 600_000;
  await sweep();
  expect(removed).toEqual([id]);
});

test.each<[string, Record<string, unknown>, string]>([
  ['root', { user: '0:0' }, 'user'],
  ['the host network', { network: 'host' }, 'network'],
  ['another container', { network: 'container:x' }, 'network'],
  ['no image', { image: undefined }, 'image'],
  ['a relative secret file', { secretFiles: { redisUrl: 'redis' } }, 'secretFiles.redisUrl'],
  ['too little memory', { memory: '1MB' }, 'memory'],
  ['an unknown option', { privileged: true }, 'privileged'],
])('%s is refused', (_what, change, path) => {
  try {
    docker({ image: 'shop:1', ...change } as DockerOptions);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(FlameConfigError);
    expect((error as FlameConfigError).problems.map((it) => it.path)).toContain(path);
  }
});
