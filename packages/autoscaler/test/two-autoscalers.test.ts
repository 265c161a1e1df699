import { fileURLToPath } from 'node:url';
import { appKeys } from '@flamejs/queue/protocol';
import { expect, test } from 'vitest';
import { startSource, type TestProcess } from '../../../tests/support/processes.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { FIXTURE, startApp, type TestApp } from './support/app.ts';

const INDEX = fileURLToPath(new URL('../dist/index.js', import.meta.url));

/** The same app's autoscaler in a process of its own, with a short lease. */
const startElsewhere = (app: TestApp): Promise<TestProcess> =>
  startSource(
    `const { createAutoscaler, local } = await import(${JSON.stringify(INDEX)});
     const { parseConfig } = await import('@flamejs/queue/internal');
     const backend = local({ command: ${JSON.stringify(FIXTURE)} });
     const pools = { work: { backend, min: 2, max: 3, maxConcurrency: 5, env: { FIXTURE: '{}' } } };
     const input = { app: ${JSON.stringify(app.config.app)}, redis: ${JSON.stringify(app.redis.url)}, functions: [], release: 'r1', pools };
     const config = parseConfig(input, { root: process.cwd(), configFile: undefined, env: {} });
     const autoscaler = createAutoscaler(config, { leaseMs: 2000 });
     await autoscaler.start();
     console.log('started');
     process.once('SIGTERM', () => autoscaler.stop().then(() => process.exit(0)));`,
    { cwd: fileURLToPath(new URL('..', import.meta.url)) },
  );

test('P21 of two autoscalers one leads; killing it hands over within the lease, nothing is launched twice or orphaned', async () => {
  await using app = await startApp({ min: 2, max: 3 });
  const first = await startElsewhere(app);
  const second = await startElsewhere(app);
  try {
    await Promise.all([first.waitForOutput(/started/), second.waitForOutput(/started/)]);
    await app.waitForReady(2);
    const lease = appKeys(app.config.prefix, app.config.app).lease;
    const holder = (await app.client.get(lease)) ?? '';
    const [leading, other] = holder.includes(`:${first.pid}:`) ? [first, second] : [second, first];
    await leading.kill9();
    await waitFor(async () => ((await app.client.get(lease)) ?? '').includes(`:${other.pid}:`), {
      what: 'the other to lead',
    });
    // The first one's local runners end with it; the second makes up for them, and never passes max.
    await waitFor(async () => (await app.events()).filter(({ type }) => type === 'runner.ready').length >= 4, {
      what: 'two replacements',
      timeoutMs: 40_000,
      found: app.events,
    });
    await app.waitForReady(2, 30_000);
    const requested = (await app.events())
      .filter(({ type }) => type === 'runner.requested')
      .map(({ runnerId }) => runnerId);
    expect(new Set(requested).size).toBe(requested.length);
    const listed = (await app.backend.list(app.config.app, AbortSignal.timeout(5_000))).filter(
      ({ state }) => state !== 'gone',
    );
    expect(listed.map(({ runnerId }) => runnerId).sort()).toEqual(
      (await app.intents()).map(({ runnerId }) => runnerId).sort(),
    );
  } finally {
    await Promise.all([first.stop(), second.stop()]);
  }
  expect(await app.intents()).toEqual([]);
});

test('P21 a leader that stops hands the lease over at once', async () => {
  await using app = await startApp({ min: 0, max: 1 });
  await app.autoscaler.start();
  const lease = appKeys(app.config.prefix, app.config.app).lease;
  await waitFor(async () => (await app.client.exists(lease)) === 1, { what: 'a leader' });
  await app.autoscaler.stop();
  expect(await app.client.exists(lease)).toBe(0);
});
