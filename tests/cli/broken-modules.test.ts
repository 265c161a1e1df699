/** A module that cannot be loaded is the most common first error: whoever waits is told which, why and where, and soon. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAutoscaler } from '@flamejs/autoscaler';
import { poolKeys } from '@flamejs/protocol';
import { createFlame, FlameBootError, type FlameFunction } from '@flamejs/queue';
import { loadConfig } from '@flamejs/queue/load-config';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { settles, waitFor } from '../support/wait-for.ts';
import { flame as cli } from './flame.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const quiet = pino({ level: 'silent' });
/** The bound of a call without one of its own is 30 s more than this: hearing sooner is hearing because of the failure. */
const BOOT_TIMEOUT = '10m';
let redis: RedisServer;
let folder: string;
let apps = 0;
beforeAll(async () => {
  redis = await startRedis();
  mkdirSync(join(repository, 'reports'), { recursive: true });
  folder = mkdtempSync(join(repository, 'reports/broken-'));
});
afterAll(async () => {
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** An application with one module of functions, and what its runners are started with. */
const appWith = (task: string) => {
  apps += 1;
  const app = `broken-${apps}`;
  const root = join(folder, app);
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  };
  write('package.json', '{"type":"module"}');
  write(
    'flame.config.mjs',
    `import { local } from '@flamejs/autoscaler/local';
     import { defineConfig } from '@flamejs/queue';
     import { pino } from 'pino';
     export default defineConfig({ app: '${app}', functions: ['tasks/*.mjs'], pools: {
       main: { max: 1, backend: local({ logger: pino({ level: 'silent' }) }), bootTimeout: '${BOOT_TIMEOUT}' },
     } });`,
  );
  write('tasks/work.mjs', task);
  const env = { FLAME_REDIS_URL: redis.url, FLAME_RELEASE: 'r1' };
  return { app, root, env, write };
};

const WORKS = `import { createFlame } from '@flamejs/queue';
  import config from '../flame.config.mjs';
  createFlame(config).fn('toil', { pool: 'main' }, () => 'done');`;

/** Starts an autoscaler and a caller of the application, here. */
const serve = async ({ app, root, env }: ReturnType<typeof appWith>) => {
  const config = await loadConfig({ cwd: root, env });
  const autoscaler = createAutoscaler(config, { logger: quiet });
  await autoscaler.start();
  const flame = createFlame(config, { logger: quiet });
  // The caller has the function; only its runners cannot load it.
  const work = flame.fn('toil', { pool: 'main' }, () => 'done') as FlameFunction<readonly [], string>;
  const events = async (): Promise<string> =>
    JSON.stringify(await redis.client().xrange(poolKeys(config.prefix, app, 'main').events, '-', '+'));
  return {
    flame,
    work,
    events,
    async [Symbol.asyncDispose]() {
      await flame.close();
      await autoscaler.stop({ timeoutMs: 1 });
    },
  };
};

test('A-04: a module that throws is told to a waiting call, to doctor and in the events, in one sentence', async () => {
  const app = appWith("import 'node:fs';\nthrow new TypeError('no such table: users');");
  const sentence = 'tasks/work.mjs cannot be loaded: TypeError: no such table: users (tasks/work.mjs:2)';
  const doctor = await cli(['doctor', '--json'], { cwd: app.root, env: app.env });
  expect(doctor.json).toContainEqual(expect.objectContaining({ level: 'fail', check: 'functions', message: sentence }));
  expect(doctor.code).toBe(1);

  await using running = await serve(app);
  const outcome = running.flame.call(running.work).catch((error: unknown) => error);
  const error = await settles(outcome, { what: 'the call', timeoutMs: 60_000 });
  expect(error).toBeInstanceOf(FlameBootError);
  expect(error).toMatchObject({
    reason: sentence,
    message: expect.stringMatching(/could be started: tasks\/work\.mjs/),
  });
  expect(JSON.stringify(error)).not.toContain(folder);
  expect(await running.events()).toContain(sentence);
});

test('A-04: a cast waits for a module that is repaired, and a later call for a try of its own', async () => {
  const app = appWith("import './gone.mjs';");
  await using running = await serve(app);
  const outcome = running.flame.call(running.work).catch((error: unknown) => error);
  const { id } = await running.flame.cast(running.work);
  expect(await settles(outcome, { what: 'the call', timeoutMs: 60_000 })).toMatchObject({
    reason: "tasks/work.mjs cannot be loaded: Error: Cannot find module 'tasks/gone.mjs' imported from tasks/work.mjs",
  });
  app.write('tasks/work.mjs', WORKS);
  const later = running.flame.call(running.work);
  await expect(settles(later, { what: 'the later call', timeoutMs: 60_000 })).resolves.toBe('done');
  await expect(running.flame.attach(id).result()).resolves.toBe('done');
});

test('A-04: what a module prints before it ends its process is part of the sentence', async () => {
  const app = appWith("console.error('first');\nconsole.error('DATABASE_URL is missing');\nprocess.exit(3);");
  const { json } = await cli(['doctor', '--json'], { cwd: app.root, env: app.env });
  expect(json).toContainEqual(
    expect.objectContaining({
      check: 'functions',
      message:
        'an executor ended while it loaded the modules: it exited with code 3, after it had printed: DATABASE_URL is missing',
    }),
  );
  // The autoscaler hears it from the runner, and tells it once it has happened twice.
  await using running = await serve(app);
  await running.flame.cast(running.work);
  await waitFor(async () => (await running.events()).includes('DATABASE_URL is missing'), {
    what: 'the event',
    timeoutMs: 60_000,
    found: running.events,
  });
  expect(await running.events()).not.toContain('\\"level\\"');
});
