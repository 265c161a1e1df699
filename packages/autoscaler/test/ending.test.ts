/** The end of an autoscaler: nothing is left, in time, whatever fails on the way; and a start that failed is an end too. */

import { appKeys } from '@flamejs/protocol';
import type { Backend, BackendDefaults, Instance } from '@flamejs/queue';
import { createEnding, parseConfig } from '@flamejs/queue/internal';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { startRedis } from '../../../tests/support/redis.ts';
import { settles, waitFor } from '../../../tests/support/wait-for.ts';
import { createAutoscaler } from '../src/autoscaler.ts';
import { livingPid } from '../src/backends/local/identity.ts';
import { local } from '../src/backends/local.ts';
import { shareOut } from '../src/observe/shares.ts';
import { newRunnerId } from '../src/record/runner-id.ts';
import { FIXTURE, startApp } from './support/app.ts';

const silent = pino({ level: 'silent' });
const own = () => local({ command: FIXTURE, logger: silent, killAfterMs: 500 });
const idsIn = async (backend: Backend, app: string): Promise<readonly string[]> =>
  (await backend.list(app, AbortSignal.timeout(5_000)))
    // The list may still wait for the last words of a process that has ended.
    .filter(({ id }) => livingPid(id) !== undefined)
    .map(({ runnerId }) => runnerId);
const countClients = async (client: { client(sub: 'LIST'): Promise<unknown> }): Promise<number> =>
  String(await client.client('LIST'))
    .split('\n')
    .filter((line) => /name=flame-/.test(line)).length;

let apps = 0;
const appOf = (redis: string, pools: Readonly<Record<string, object>>) => {
  apps += 1;
  const app = `e${process.pid}x${apps}`;
  const input = { app, redis, functions: [], release: 'r1', pools };
  return parseConfig(input as never, { root: process.cwd(), configFile: undefined, env: {} });
};

describe('A-01 several backends of one kind', () => {
  test('A-01: two pools that each name local(): stop() ends, and nothing is left', async () => {
    await using redis = await startRedis();
    const env = { FIXTURE: '{}' };
    const config = appOf(redis.url, {
      one: { backend: own(), min: 1, max: 1, env },
      two: { backend: own(), min: 1, max: 1, env },
    });
    const autoscaler = createAutoscaler(config, { logger: silent });
    await autoscaler.start();
    const watcher = own();
    await waitFor(async () => (await idsIn(watcher, config.app)).length === 2, { what: 'two runners' });
    expect(await settles(autoscaler.stop(), { what: 'the end' })).toEqual([]);
    expect(await idsIn(watcher, config.app)).toEqual([]);
    const client = redis.client();
    expect(await client.get(appKeys(config.prefix, config.app).lease)).toBeNull();
    await waitFor(async () => (await countClients(client)) === 0, { what: 'no connection of it' });
  });

  test('A-01: a backend that cannot be closed keeps no other part from its end, and is named', async () => {
    await using redis = await startRedis();
    const closed: string[] = [];
    const config = appOf(redis.url, {
      one: { backend: remote('first', async () => void closed.push('first')), max: 1 },
      two: { backend: remote('broken', () => Promise.reject(new Error('its socket is gone'))), max: 1 },
      three: { backend: remote('last', async () => void closed.push('last')), max: 1 },
    });
    const autoscaler = createAutoscaler(config, { logger: silent });
    await autoscaler.start();
    const client = redis.client();
    const { lease } = appKeys(config.prefix, config.app);
    await waitFor(() => client.get(lease), { what: 'the lease' });
    expect(await autoscaler.stop()).toEqual(['the backend broken was not closed: its socket is gone']);
    expect(closed.sort()).toEqual(['first', 'last']);
    expect(await client.get(lease)).toBeNull();
    await waitFor(async () => (await countClients(client)) === 0, { what: 'no connection of it' });
  });

  test('A-01: what another backend of the same kind looks after is no stray here', () => {
    const [mine, theirs, nobodys] = ['one', 'two', 'three'].map((pool) => newRunnerId(pool, 'abcdef'));
    const instances = [mine, theirs, nobodys].map((runnerId) => ({ runnerId }) as Instance);
    const sharing = { pools: ['one'], elsewhere: new Set(['two']), known: new Set<string>() };
    const parts = shareOut({ seq: 1, startedAt: 0, instances }, sharing);
    expect(parts.get('one')?.instances.map(({ runnerId }) => runnerId)).toEqual([mine, nobodys]);
  });
});

describe('C-15 a start that failed', () => {
  test.each([
    ['has no rights to the channels', 'resetchannels'],
    ['may not subscribe', '-subscribe'],
  ])(
    'C-15: an autoscaler whose user %s leaves neither lease nor connection, and a healthy one leads',
    async (_, rule) => {
      await using redis = await startRedis();
      const client = redis.client();
      await client.call('ACL', 'SETUSER', 'half', 'on', 'nopass', '~*', '+@all', '&*', rule);
      const config = appOf(redis.url.replace('//', '//half:x@'), { work: { backend: own(), max: 1 } });
      const broken = createAutoscaler(config, { logger: silent, leaseMs: 1_500 });
      await expect(broken.start()).rejects.toThrow(/NOPERM|permission/i);
      await waitFor(async () => (await countClients(client)) === 0, { what: 'no connection of it' });
      const healthy = createAutoscaler(
        { ...config, redis: { kind: 'single', url: redis.url, options: {} } },
        { logger: silent, leaseMs: 1_500 },
      );
      await healthy.start();
      await waitFor(() => healthy.status().leading, { what: 'the healthy one to lead' });
      await Promise.all([broken.stop(), healthy.stop()]);
    },
  );

  test('C-15: it may be started again when the rights are there', async () => {
    await using redis = await startRedis();
    const client = redis.client();
    await client.call('ACL', 'SETUSER', 'half', 'on', 'nopass', '~*', '+@all', 'resetchannels');
    const config = appOf(redis.url.replace('//', '//half:x@'), { work: { backend: own(), max: 1 } });
    const autoscaler = createAutoscaler(config, { logger: silent });
    await expect(autoscaler.start()).rejects.toThrow(/NOPERM|permission/i);
    await client.call('ACL', 'SETUSER', 'half', '&*');
    await autoscaler.start();
    await waitFor(() => autoscaler.status().leading, { what: 'it to lead' });
    expect(await autoscaler.stop()).toEqual([]);
  });
});

describe('C-79 the end without Redis', () => {
  const FAR_MS = 30_000;
  test.each([
    ['dead', 'kill9'],
    ['frozen', 'freeze'],
  ] as const)(
    'C-79: with Redis %s, stop() ends within shutdownTimeout and a second, says so, and leaves no runner',
    async (_, how) => {
      await using app = await startApp({ min: 1, max: 1, shutdownTimeout: '2s' });
      await app.autoscaler.start();
      await app.waitForReady(1);
      await app.redis[how]();
      const undone = await settles(app.autoscaler.stop(), { what: 'the end', timeoutMs: FAR_MS });
      expect(undone.join('; ')).toMatch(/Redis does not answer.*the lease was not given back/);
      expect(await idsIn(app.backend, app.config.app)).toEqual([]);
      app.redis.thaw();
    },
  );

  test('C-79: a runner that does not end by itself is killed when the time is over, and that is said', async () => {
    await using app = await startApp({ min: 1, max: 1, shutdownTimeout: '1s', fixture: { stays: true } });
    await app.autoscaler.start();
    await app.waitForReady(1);
    await app.redis.kill9();
    const undone = await settles(app.autoscaler.stop(), { what: 'the end', timeoutMs: FAR_MS });
    expect(undone.join('; ')).toMatch(/1 of local's runners had not ended in time/);
    expect(await idsIn(app.backend, app.config.app)).toEqual([]);
  });

  test('C-79: an ending runs every step, newest first, and all of them within its time', async () => {
    const ending = createEnding();
    const ran: string[] = [];
    ending.add('first', () => void ran.push('first'));
    ending.add('hangs', () => new Promise(() => undefined));
    ending.add('throws', () => {
      throw new Error('no');
    });
    ending.add('last', async () => void ran.push('last'));
    const undone = await settles(ending.run(100), { what: 'the ending', timeoutMs: FAR_MS });
    expect(ran).toEqual(['last', 'first']);
    expect(undone).toEqual(['throws: no', expect.stringMatching(/^hangs: it did not end within/)]);
    expect(await ending.run(100)).toEqual([]);
  });
});

const DEFAULTS: BackendDefaults = {
  bootTimeoutMs: 1_000,
  idleShutdownAfterMs: 1_000,
  tickMs: 200,
  fastTickMs: 100,
  heartbeatTimeoutMs: 1_000,
  failsafeTimeoutMs: 1_000,
  launchesPerTick: 1,
};

/** A backend without instances that holds something to close. */
const remote = (name: string, close: () => Promise<void>): Backend => ({
  name,
  defaults: DEFAULTS,
  launch: () => Promise.reject(new Error('not needed')),
  list: async () => [],
  terminate: async () => [],
  close,
});
