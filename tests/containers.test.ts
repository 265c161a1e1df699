/**
 * Runners in real containers: the image of `docker/Dockerfile`, podman's Docker Engine API, the real autoscaler. Where no
 * engine can be had the tests are skipped, and the reason stands in their titles and in the output.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { docker } from '@flamejs/autoscaler/docker';
import { testBackend } from '@flamejs/autoscaler/testing';
import { parseRunnerRecord, type RunnerRecord } from '@flamejs/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildApplication } from './support/application-image.ts';
import { type ComposeService, readCompose } from './support/compose.ts';
import { baseImage, type Engine, engineMissing, startEngine } from './support/engine.ts';
import { type EngineProxy, startEngineProxy } from './support/engine-proxy.ts';
import { startNode, type TestProcess } from './support/processes.ts';
import { type RedisServer, startRedis } from './support/redis.ts';
import { bySize } from './support/tier.ts';
import { settles, waitFor } from './support/wait-for.ts';

const EXAMPLE = fileURLToPath(new URL('../examples/image-resize/', import.meta.url));
const CONTROLLER = new URL('./fixtures/docker/controller.ts', import.meta.url);
const POOL = '{flame:image-resize:images}';
const WIDTHS = [240, 320, 480, 640];
/** Of all photographs in all widths. */
const ROUNDS = bySize({ push: 4, nightly: 12 });
const LIMITS = { memory: '768MB', cpus: 1, pids: 256, tmp: '64MB' } as const;

/** Not our fault: no container starts on this machine, or no npm registry answers. All else is, a broken Dockerfile above all. */
const isForeign = (error: unknown): boolean =>
  !works || /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|npm error code E5/.test(String(error));
let works = false;
let unusable: string | undefined;

const missing = engineMissing();
if (missing !== undefined) process.stderr.write(`\nThe tests of real containers are skipped: ${missing}\n`);

let engine: Engine;
let image: string;
beforeAll(async () => {
  if (missing !== undefined) return;
  try {
    engine = await startEngine();
    await probe(engine);
    works = true;
    image = await buildApplication(engine);
  } catch (error) {
    if (!isForeign(error)) throw error;
    unusable = String(error);
    process.stderr.write(`\nThe tests of real containers are skipped: ${unusable}\n`);
  }
}, 400_000);
beforeEach(({ skip }) => {
  if (unusable !== undefined) skip(unusable.slice(0, 300));
});
afterAll(async () => {
  await engine?.stop();
});

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe.skipIf(missing !== undefined)(`containers${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  test('the image runs as nobody in particular, holds what production needs and no secret, and says how it is', async () => {
    const [config] = JSON.parse(await engine.podman(['image', 'inspect', image]));
    expect(config).toMatchObject({
      User: '1000:1000',
      Config: { StopSignal: 'SIGTERM', Cmd: ['node_modules/.bin/flame', 'runner'], WorkingDir: '/app' },
      Healthcheck: { Test: expect.arrayContaining(['CMD', 'node', '-e']) },
    });
    const look = await inside('ls -a /app; ls /app/node_modules; id -u; touch /app/x 2>&1 || echo refused');
    expect(look).toMatch(/^flame\.config\.ts$/m);
    expect(look).toMatch(/^1000$/m);
    expect(look).toMatch(/^refused$/m);
    expect(look).not.toMatch(/^(\.env|\.git|is-number)$/m);
    const base = JSON.parse(await engine.podman(['image', 'inspect', await baseImage(engine)]))[0].Size as number;
    process.stdout.write(
      `image: ${Math.round(config.Size / 1e6)} MB, of which ${Math.round(base / 1e6)} MB are its base\n`,
    );
  }, 60_000);

  test('S-15 what is asked of the engine holds inside: no capability, no new privilege, nothing writable but /tmp, limits', async () => {
    const site = await startSite();
    const backend = docker({ ...site.options, command: ['sleep', '60'] });
    const { id } = await backend.launch(requestOf('limits-aaaaaa-aaaaaaaaaaaa'), AbortSignal.timeout(30_000));
    const [found] = JSON.parse(await engine.podman(['container', 'inspect', id]));
    expect(found.HostConfig).toMatchObject({
      Memory: 768 * 1024 ** 2,
      NanoCpus: 1e9,
      PidsLimit: 256,
      ReadonlyRootfs: true,
      Privileged: false,
      NetworkMode: expect.not.stringMatching(/^host$/),
    });
    expect(found.EffectiveCaps ?? []).toEqual([]);
    expect(found.HostConfig.SecurityOpt.join()).toContain('no-new-privileges');
    expect(JSON.stringify(found)).not.toContain(site.password);
    const text = await engine.podman([
      ...['exec', id, 'sh', '-c'],
      'cat /proc/self/status; id -u; (echo x > /app/x) 2>&1; echo y > /tmp/y && cat /tmp/y; ls /run/secrets; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; true',
    ]);
    expect(text).toMatch(/^CapEff:\t0+$/m);
    expect(text).toMatch(/^NoNewPrivs:\t1$/m);
    expect(text).toMatch(/^1000$/m);
    expect(text).toMatch(/read-only file system/i);
    expect(text).toMatch(/^y$/m);
    expect(text).toContain('flame-redis-url');
    expect(text).toContain(String(768 * 1024 ** 2));
    expect(text).toMatch(/^256$/m);
    await backend.terminate([id], AbortSignal.timeout(30_000));
  }, 90_000);

  test('C-57 without an init of the engine the image brings one: the runner is healthy, and SIGTERM lets its call finish and ends it with 0', async () => {
    const site = await startSite();
    const { flame, resizeImage, photos } = await site.application();
    // No init of the engine's stands in between.
    const id = await engine.podman([
      ...['run', '--detach', '--read-only', '--tmpfs', '/tmp', '--network', engine.network, '--name', 'by-hand'],
      ...['--env', `FLAME_REDIS_URL=${site.urlInside}`, '--env', `FLAME_SIGNING_KEY=${site.key}`, image],
    ]);
    const runner = await waitFor(async () => (await site.runners()).find(({ state }) => state === 'ready'), {
      what: 'a runner',
      timeoutMs: 60_000,
      found: () => engine.podman(['logs', id]),
    });
    // Throws unless it exits with 0.
    await waitFor(
      () =>
        engine.podman(['healthcheck', 'run', id]).then(
          () => true,
          () => false,
        ),
      {
        what: 'a healthy container',
      },
    );
    // C-57: an orphan falls to process 1, which reaps it.
    await engine.podman(['exec', id, 'sh', '-c', '(sleep 0.1 &) ; exit 0']);
    const zombies =
      'for f in /proc/[0-9]*/stat; do read -r _ _ state _ < $f && [ "$state" = Z ] && echo $f; done; exit 0';
    await waitFor(async () => (await engine.podman(['exec', id, 'sh', '-c', `sleep 0.3; ${zombies}`])) === '', {
      what: 'the orphan to be reaped',
    });
    // More calls than it has slots: one of them runs at whatever moment the signal comes.
    const big = photos.find(({ name }) => name.includes('hubble'))?.image ?? new Uint8Array();
    const handles = await Promise.all(Array.from({ length: 40 }, () => flame.cast(resizeImage, big, 1_800)));
    await waitFor(async () => (await site.running()) > 0, { what: 'a call to run', timeoutMs: 60_000 });
    await engine.podman(['kill', '--signal', 'TERM', id]);
    expect(await engine.podman(['wait', id])).toBe('0');
    expect(await site.record(runner.runnerId)).toMatchObject({ state: 'ended', reason: 'sigterm', active: 0 });
    const states = await Promise.all(handles.map(async (handle) => ({ handle, ...(await handle.status()) })));
    const done = states.filter(({ state }) => state === 'succeeded');
    // What had begun was finished, what had not waits for another runner.
    expect(done.length).toBeGreaterThan(0);
    for (const { handle } of done) expect((await handle.result()).length).toBeGreaterThan(10_000);
    const others = states.filter(({ state }) => state !== 'succeeded');
    expect(others.map(({ state }) => state)).toEqual(others.map(() => 'waiting'));
    expect(others.length).toBeGreaterThan(0);
    await engine.podman(['rm', id]);
  }, 150_000);

  test('P21 P25 the example in containers: 0 → n → 0 with a controller killed between launch and record, a container killed in mid-call, and an orderly end', async () => {
    const site = await startSite();
    const output = (): unknown => ({ log: site.proxy.log.slice(-20), controllers: controllers.map((c) => c.output()) });
    const controllers: TestProcess[] = [];
    // The first container is made and started, and its controller dies before it hears of it.
    const launched = site.proxy.swallow(/^POST \/containers\/[^/]+\/start$/);
    const doomed = await site.controller();
    controllers.push(doomed);
    const { flame, resizeImage, photos } = await site.application();
    const jobs = Array.from({ length: ROUNDS }).flatMap(() =>
      photos.flatMap(({ image }) => WIDTHS.map((width) => ({ image, width }))),
    );
    const calls = jobs.map(({ image, width }) => flame.call(resizeImage, image, width));
    const results = Promise.allSettled(calls);
    await settles(launched, { what: 'the first launch', timeoutMs: 60_000 });
    await doomed.kill9();
    controllers.push(await site.controller());

    const victim = await waitFor(() => site.busyContainer(), {
      what: 'a busy container',
      timeoutMs: 120_000,
      everyMs: 50,
      found: output,
    });
    process.kill(victim.pid, 'SIGKILL');

    const outcomes = await settles(results, { what: 'all calls', timeoutMs: 240_000 });
    const rejected = outcomes.flatMap((it) => (it.status === 'rejected' ? [String(it.reason)] : []));
    expect(rejected, JSON.stringify(output())).toEqual([]);
    for (const [i, { image, width }] of jobs.slice(0, photos.length * WIDTHS.length).entries()) {
      const outcome = outcomes[i];
      expect(
        outcome?.status === 'fulfilled' &&
          Buffer.from(outcome.value).equals(Buffer.from(await resizeImage(image, width))),
      ).toBe(true);
    }
    await waitFor(async () => (await site.containers('running')).length === 0, {
      what: 'all containers to have ended',
      timeoutMs: 90_000,
      found: output,
    });
    const made = site.proxy.log.filter(({ path, status }) => path === '/containers/create' && status === 201).length;
    const kept = await site.containers('all');
    // One container for each runner ever, the dead ones still there by name.
    expect(new Set(kept.map(({ runnerId }) => runnerId)).size).toBe(kept.length);
    expect(made).toBe(kept.length);
    expect(made).toBeGreaterThanOrEqual(2);
    expect(await site.peak()).toBeLessThanOrEqual(3);
    expect(kept.find(({ runnerId }) => runnerId === victim.runnerId)?.exitCode).toBe(137);
    // All others have drained and ended by themselves, with their exit code.
    const others = kept.filter(({ runnerId }) => runnerId !== victim.runnerId);
    expect(others.map(({ exitCode }) => exitCode)).toEqual(others.map(() => 0));
    // For the numbers in docs/backends/docker.md.
    const counts: Record<string, number> = {};
    for (const { method, path } of site.proxy.log) {
      const kind = `${method} ${path.replace(/^\/(containers|images)\/[^/]+\//, '/$1/*/')}`;
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    process.stdout.write(`${JSON.stringify({ calls: jobs.length, containers: made, counts })}\n`);
  }, 600_000);
});

describe.skipIf(missing !== undefined)('docker/compose.yaml', () => {
  test('autoscaler and dashboard run from the image as the file says: the calls are served, the health check passes, SIGTERM ends both with 0', async () => {
    const site = await startSite();
    const token = 'dashboard-token-of-tests';
    const { autoscaler, dashboard } = readCompose({
      FLAME_IMAGE: image,
      FLAME_REDIS_PASSWORD: site.password,
      FLAME_SIGNING_KEY: site.key,
      FLAME_DASHBOARD_TOKEN: token,
    }).services;
    const start = (name: string, service: ComposeService): Promise<string> =>
      engine.podman([
        ...['run', '--detach', '--name', name, '--network', engine.network, ...flagsOf(service)],
        // Compose's own network has a Redis named `redis`; here it is the host's.
        ...Object.entries(service.environment ?? {}).flatMap(([key, value]) => [
          '--env',
          `${key}=${value.replace('redis:6379', `${engine.gateway}:${new URL(site.urlInside).port}`)}`,
        ]),
        ...['--env', 'FLAME_RELEASE=containers', service.image ?? '', ...(service.command ?? [])],
      ]);
    const scaler = await start('autoscaler', autoscaler);
    const board = await start('dashboard', dashboard);
    const { flame, resizeImage, photos } = await site.application();
    const webp = await flame.call(resizeImage.with({ queueTimeout: '2m' }), photos[0]?.image ?? new Uint8Array(), 200);
    expect(Buffer.from(webp).subarray(8, 12).toString()).toBe('WEBP');
    const [, ...check] = dashboard.healthcheck?.test ?? [];
    await waitFor(
      () =>
        engine.podman(['exec', board, ...check]).then(
          () => true,
          () => false,
        ),
      {
        what: 'a healthy dashboard',
        timeoutMs: 60_000,
        found: () => engine.podman(['logs', board]),
      },
    );
    for (const id of [scaler, board]) {
      await engine.podman(['kill', '--signal', 'TERM', id]);
      expect([await engine.podman(['wait', id]), await engine.podman(['logs', '--tail', '3', id])]).toEqual([
        '0',
        expect.anything(),
      ]);
    }
  }, 240_000);
});

describe.skipIf(missing !== undefined)('the contract of backends on a real engine', () => {
  testBackend(
    'docker',
    { test, expect },
    async () => ({
      backend: docker({
        image,
        host: engine.socket,
        network: engine.network,
        pull: 'never',
        command: ['sleep', '600'],
      }),
      crash: async ({ id }) => {
        const [{ State }] = JSON.parse(await engine.podman(['container', 'inspect', id]));
        process.kill(State.Pid, 'SIGKILL');
      },
      dispose: async () => void (await engine.podman(['rm', '--all', '--force', '--time', '0'])),
    }),
    { settleMs: 20_000 },
  );
});

const requestOf = (runnerId: string) => ({
  app: 'image-resize',
  pool: 'images',
  runnerId,
  attempt: 1,
  release: 'r1',
  maxConcurrency: 1,
  env: {},
  secrets: { FLAME_REDIS_URL: 'unused: the file is mounted', FLAME_SIGNING_KEY: 'unused: the file is mounted' },
});

/** Runs a line in a throw-away container of the image, as its own user. */
const inside = (line: string): Promise<string> =>
  engine.podman(['run', '--rm', '--network', 'none', image, 'sh', '-c', line]);

/** The flags that a service's keys mean. */
const flagsOf = (service: ComposeService): readonly string[] => [
  ...(service.init ? ['--init'] : []),
  ...(service.read_only ? ['--read-only'] : []),
  ...(service.cap_drop ?? []).flatMap((name) => ['--cap-drop', name]),
  ...(service.security_opt ?? []).flatMap((option) => ['--security-opt', option]),
  ...(service.tmpfs ?? []).flatMap((path) => ['--tmpfs', path]),
  ...(service.healthcheck?.disable ? ['--no-healthcheck'] : []),
];

/** Limits, the network and a read-only root are there: rights that a build machine may not have. */
const probe = async (on: Engine): Promise<void> => {
  const limits = ['--memory', '256m', '--pids-limit', '100', '--cpus', '1', '--read-only', '--init'];
  const base = await baseImage(on);
  await on.podman(['run', '--rm', '--network', on.network, ...limits, base, 'node', '-e', '0']);
  await on.podman(['run', '--rm', '--network', 'host', base, 'node', '-e', '0']);
};

interface Container {
  readonly runnerId: string;
  readonly pid: number;
  readonly exitCode: number;
}

/** A Redis that containers reach, secrets in files, a proxy before the engine, and what is needed to look at all of it. */
const startSite = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flame-site-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const password = randomBytes(18).toString('hex');
  const key = randomBytes(18).toString('hex');
  const redis: RedisServer = await startRedis({
    appendonly: true,
    args: ['--bind', '0.0.0.0', '--protected-mode', 'no'],
  });
  cleanups.push(() => redis.stop());
  const client = redis.client();
  await client.config('SET', 'requirepass', password);
  const urlAt = (host: string): string => `redis://:${password}@${host}:${redis.port}`;
  const files = { redisUrl: join(folder, 'redis-url'), signingKey: join(folder, 'signing-key') };
  // Readable by the containers' user, in a folder that others cannot enter.
  writeFileSync(files.redisUrl, urlAt(engine.gateway), { mode: 0o444 });
  writeFileSync(files.signingKey, key, { mode: 0o444 });
  const proxy: EngineProxy = await startEngineProxy(join(folder, 'engine.sock'), engine.socket);
  cleanups.push(() => proxy.close());
  cleanups.push(() => engine.podman(['rm', '--all', '--force', '--time', '0']));
  const options = {
    image,
    host: join(folder, 'engine.sock'),
    network: engine.network,
    pull: 'never',
    secretFiles: files,
    ...LIMITS,
  } as const;
  // The module of the example's config is loaded once in this process: what differs between tests is given from outside.
  const env = { FLAME_REDIS_URL: urlAt('127.0.0.1'), FLAME_SIGNING_KEY: key, FLAME_RELEASE: 'containers' };

  const records = async (): Promise<readonly RunnerRecord[]> => {
    const keys = await client.keys(`${POOL}:runner:*`);
    return Promise.all(
      keys.map(async (each) => {
        const runnerId = each.slice(`${POOL}:runner:`.length);
        return parseRunnerRecord('images', runnerId, await client.hgetall(each));
      }),
    );
  };
  const containers = async (which: 'running' | 'all'): Promise<readonly Container[]> => {
    const filter = ['--filter', 'label=flame.app=image-resize', ...(which === 'all' ? ['--all'] : [])];
    const ids = (await engine.podman(['ps', '--quiet', '--no-trunc', ...filter])).split('\n').filter(Boolean);
    if (ids.length === 0) return [];
    const found = JSON.parse(await engine.podman(['container', 'inspect', ...ids])) as {
      readonly Config: { readonly Labels: Readonly<Record<string, string>> };
      readonly State: { readonly Pid: number; readonly ExitCode: number };
    }[];
    return found.map(({ Config, State }) => ({
      runnerId: Config.Labels['flame.runner-id'] ?? '',
      pid: State.Pid,
      exitCode: State.ExitCode,
    }));
  };

  return {
    options,
    proxy,
    password,
    key,
    urlInside: urlAt(engine.gateway),
    runners: records,
    record: async (runnerId: string) => (await records()).find((record) => record.runnerId === runnerId),
    containers,
    /** Calls that runners have taken. */
    running: () => client.llen(`${POOL}:images:active`),
    /** Most runners at once, by the autoscaler's own samples. */
    peak: async () => {
      const samples = await client.xrange(`${POOL}:history`, '-', '+');
      return Math.max(...samples.map(([, fields]) => Number(fields[fields.indexOf('physical') + 1] ?? 0)));
    },
    busyContainer: async (): Promise<Container | undefined> => {
      const busy = (await records()).filter(({ state, active }) => state === 'ready' && active > 0);
      if (busy.length === 0) return undefined;
      return (await containers('running')).find(({ runnerId }) => busy.some((record) => record.runnerId === runnerId));
    },
    async controller(): Promise<TestProcess> {
      const controller = await startNode(CONTROLLER, {
        nodeArgs: ['--import', 'tsx'],
        cwd: EXAMPLE,
        env: { ...env, TEST_DOCKER_OPTIONS: JSON.stringify(options) },
      });
      cleanups.push(() => controller.stop());
      await controller.waitForOutput(/controller started/, 60_000);
      return controller;
    },
    /** The caller's side: the example itself, loaded anew for each Redis. */
    async application() {
      Object.assign(process.env, env);
      const { createFlame } = await import('@flamejs/queue');
      const { loadConfig } = await import('@flamejs/queue/load-config');
      const { resizeImage } = await import('../examples/image-resize/src/tasks/resize.ts');
      const { readPhotos } = await import('../examples/image-resize/src/photos.ts');
      const flame = createFlame(await loadConfig({ file: join(EXAMPLE, 'flame.config.ts') }));
      cleanups.push(() => flame.close());
      const photos = (await readPhotos()).filter(({ name }) => !name.includes('truncated'));
      return { flame, resizeImage, photos };
    },
  };
};
