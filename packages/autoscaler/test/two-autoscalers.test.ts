import { fileURLToPath } from 'node:url';
import { appKeys } from '@flamejs/protocol';
import { expect, test } from 'vitest';
import { startSource, type TestProcess } from '../../../tests/support/processes.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { FIXTURE, startApp, type TestApp } from './support/app.ts';

const INDEX = fileURLToPath(new URL('../dist/index.js', import.meta.url));
const LOCAL = fileURLToPath(new URL('../dist/backends/local.js', import.meta.url));

/** The same app's autoscaler in a process of its own, with a short lease. */
const startElsewhere = (app: TestApp): Promise<TestProcess> =>
  startSource(
    `const { createAutoscaler } = await import(${JSON.stringify(INDEX)});
     const { local } = await import(${JSON.stringify(LOCAL)});
     const { parseConfig } = await import('@flamejs/queue/internal');
     const backend = local({ command: ${JSON.stringify(FIXTURE)} });
     const pools = { work: { backend, min: 2, max: ${app.config.pools.work?.max}, maxConcurrency: 5, env: { FIXTURE: '{}' } } };
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
    const ofTheFirst = new Set((await app.intents()).map(({ runnerId }) => runnerId));
    await leading.kill9();
    await waitFor(async () => ((await app.client.get(lease)) ?? '').includes(`:${other.pid}:`), {
      what: 'the other to lead',
    });
    // The first one's local runners end with it; the second makes up for them, and never passes max. It may tell of the first
    // two too that they are ready, so that only runners of its own count.
    await waitFor(
      async () => {
        const types = await app.events();
        const ready = types.filter(({ type, runnerId }) => type === 'runner.ready' && !ofTheFirst.has(runnerId ?? ''));
        return ready.length >= 2 && (await app.intents()).every(({ runnerId }) => !ofTheFirst.has(runnerId));
      },
      { what: 'two replacements', timeoutMs: 30_000, found: app.events },
    );
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

test('R-37 I1 a leader that is frozen past its lease and wakes up writes nothing any more, and max holds at every moment', async () => {
  await using app = await startApp({ min: 2, max: 2 });
  const first = await startElsewhere(app);
  const second = await startElsewhere(app);
  const keys = appKeys(app.config.prefix, app.config.app);
  let most = 0;
  const living = async (): Promise<readonly string[]> => {
    const list = await app.backend.list(app.config.app, AbortSignal.timeout(5_000));
    const ids = list.filter(({ state }) => state !== 'gone').map(({ runnerId }) => runnerId);
    most = Math.max(most, ids.length);
    return ids;
  };
  try {
    await Promise.all([first.waitForOutput(/started/), second.waitForOutput(/started/)]);
    await app.waitForReady(2);
    const holder = (await app.client.get(keys.lease)) ?? '';
    const [leading, other] = holder.includes(`:${first.pid}:`) ? [first, second] : [second, first];
    const epoch = Number(await app.client.get(keys.epoch));
    leading.signal('SIGSTOP');
    await waitFor(async () => ((await app.client.get(keys.lease)) ?? '').includes(`:${other.pid}:`), {
      what: 'the other to lead',
    });
    const raised = Number(await app.client.get(keys.epoch));
    expect(raised).toBeGreaterThan(epoch);
    leading.signal('SIGCONT');
    // Long enough for whatever it had in mind; the living one goes on meanwhile.
    const until = performance.now() + 5_000;
    await waitFor(async () => (await living()).length > 2 || performance.now() > until, { what: 'five seconds' });
    expect(most).toBeLessThanOrEqual(2);
    expect(Number(await app.client.get(keys.epoch))).toBe(raised);
    expect((await app.client.get(keys.lease)) ?? '').toContain(`:${other.pid}:`);
    expect(await app.client.get(app.keys.epoch)).toBe(String(raised));
    await app.waitForReady(2, 30_000);
    expect([...(await living())].sort()).toEqual((await app.intents()).map(({ runnerId }) => runnerId).sort());
  } finally {
    await Promise.all([first.stop(), second.stop()]);
  }
});

test('P21 a leader that stops hands the lease over at once', async () => {
  await using app = await startApp({ min: 0, max: 1 });
  await app.autoscaler.start();
  const lease = appKeys(app.config.prefix, app.config.app).lease;
  await waitFor(async () => (await app.client.exists(lease)) === 1, { what: 'a leader' });
  await app.autoscaler.stop();
  expect(await app.client.exists(lease)).toBe(0);
});
