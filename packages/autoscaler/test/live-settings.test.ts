import { expect, test } from 'vitest';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { startApp } from './support/app.ts';

test('P22 a paused pool launches nothing and says so; resuming serves the backlog', async () => {
  await using app = await startApp({ min: 1, max: 3 });
  await app.client.hset(`${app.keys.queue}meta`, 'paused', 1);
  await app.autoscaler.start();
  await app.enqueue(10);
  await waitFor(() => app.autoscaler.status().pools.work?.blocked === 'the pool is paused', {
    what: 'the status to say it',
    found: () => app.autoscaler.status(),
  });
  expect(await app.intents()).toEqual([]);
  expect(app.autoscaler.status().pools.work?.paused).toBe(true);
  await app.client.hdel(`${app.keys.queue}meta`, 'paused');
  await app.kick();
  await app.waitForReady(2);
  const types = (await app.events()).map(({ type }) => type);
  expect(types).toContain('pool.paused');
  expect(types).toContain('pool.resumed');
});

test('P26 live min, max and policy apply at the next tick, are validated, and are recorded with who and when', async () => {
  await using app = await startApp({ max: 1 });
  await app.autoscaler.start();
  await app.enqueue(1);
  await app.waitForReady(1);
  const at = Date.now();
  await app.client.hset(app.keys.settings, { min: '2', max: '3', by: 'ada', at: String(at) });
  await app.waitForReady(2);
  await app.client.hset(app.keys.settings, {
    policy: JSON.stringify({ name: 'step', options: [{ calls: 1, runners: 3 }] }),
  });
  await app.waitForReady(3);
  await app.client.hset(app.keys.settings, { min: '9', by: 'bob' });
  const settingsEvents = async () => (await app.events()).filter(({ type }) => type === 'pool.settings');
  await waitFor(async () => (await settingsEvents()).length === 3, { what: 'three events', found: settingsEvents });
  const [changed, , refused] = await settingsEvents();
  expect(changed?.reason).toBe('changed by ada');
  expect(JSON.parse(changed?.details ?? '{}')).toMatchObject({ min: '2', max: '3', at: String(at), applied: true });
  expect(refused?.reason).toBe('refused, as set by bob: min 9 is larger than max 3');
  expect(await app.ready()).toHaveLength(3);
  expect(app.autoscaler.status().pools.work).toMatchObject({ min: 2, max: 3, policy: 'step' });
});

test('P26 a max lowered below what runs drains the surplus, also busy ones, without killing them', async () => {
  await using app = await startApp({ max: 2, shutdownTimeout: 500 });
  await app.autoscaler.start();
  await app.enqueue(10);
  await app.waitForReady(2);
  const runners = await app.ready();
  for (const { runnerId } of runners) await app.client.hset(`${app.keys.base}:fixture:active`, runnerId, 1);
  await waitFor(
    async () => {
      const states = await Promise.all(
        runners.map(({ runnerId }) => app.client.hget(app.keys.runner(runnerId), 'active')),
      );
      return states.every((active) => active === '1');
    },
    { what: 'both to be busy' },
  );
  await app.client.hset(app.keys.settings, { max: '1', by: 'ada' });
  await waitFor(async () => (await app.intents()).some(({ state }) => state === 'draining'), {
    what: 'a drain',
    found: app.intents,
  });
  const draining = (await app.intents()).find(({ state }) => state === 'draining');
  expect(draining?.drain).toMatchObject({ cause: 'max', deadlineAt: null, acknowledged: false });
  await app.client.hdel(`${app.keys.base}:fixture:active`, draining?.runnerId ?? '');
  await app.waitForReady(1);
});
