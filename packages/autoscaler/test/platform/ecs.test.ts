/** The number is pushed to an ECS service by the real SDK, against a fake that refuses what ECS refuses. */
import { FlameConfigError } from '@flamejs/queue';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ACCESS_KEY, CLUSTER, type FakeEcs, startFakeEcs } from '../../../../tests/fake-ecs/index.ts';
import { startRedis } from '../../../../tests/support/redis.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { createAutoscaler } from '../../src/autoscaler.ts';
import { external } from '../../src/backends/external/index.ts';
import { externalConfig } from './config.ts';

let ecs: FakeEcs;
beforeAll(async () => {
  process.env.AWS_ACCESS_KEY_ID = ACCESS_KEY;
  process.env.AWS_SECRET_ACCESS_KEY = 'secret';
  ecs = await startFakeEcs();
});
afterEach(() => {
  ecs.services.clear();
  ecs.requests.length = 0;
});
afterAll(async () => {
  delete process.env.AWS_ACCESS_KEY_ID;
  delete process.env.AWS_SECRET_ACCESS_KEY;
  await ecs.close();
});

const signal = (): AbortSignal => AbortSignal.timeout(20_000);
const poolOf = (service = 'runners') =>
  external({ ecs: { cluster: CLUSTER, service, region: 'eu-west-1', endpoint: ecs.endpoint } });
const has = (desiredCount: number, more: object = {}): void =>
  void ecs.services.set('runners', { desiredCount, status: 'ACTIVE', schedulingStrategy: 'REPLICA', ...more });

describe('EX-13 UpdateService', () => {
  test('is asked for when the service has another number, and only then', async () => {
    has(1);
    const pool = poolOf();
    await pool.push?.(4, signal());
    expect(ecs.services.get('runners')?.desiredCount).toBe(4);
    await pool.push?.(4, signal());
    await pool.push?.(0, signal());
    expect(ecs.requests).toEqual([
      ...['DescribeServices', 'UpdateService 4', 'DescribeServices'],
      ...['DescribeServices', 'UpdateService 0'],
    ]);
    await pool.close?.();
  });

  test('throttling and errors of the server are tried again by the SDK; a lost answer changes nothing', async () => {
    has(1);
    const pool = poolOf();
    ecs.next('UpdateService', 'ThrottlingException');
    ecs.next('DescribeServices', 'ServerException');
    await pool.push?.(2, signal());
    expect(ecs.services.get('runners')?.desiredCount).toBe(2);
    ecs.next('UpdateService', 'lost-reply');
    await pool.push?.(3, signal());
    expect(ecs.services.get('runners')?.desiredCount).toBe(3);
    await pool.close?.();
  });

  test('what cannot be done says why: no service, one that is not active, a daemon, a missing right, no cluster', async () => {
    const pool = poolOf();
    await expect(pool.push?.(2, signal())).rejects.toThrow('cluster shop has no active service runners');
    has(1, { status: 'DRAINING' });
    await expect(pool.check?.(signal())).rejects.toThrow('no active service');
    has(1, { schedulingStrategy: 'DAEMON' });
    await expect(pool.push?.(2, signal())).rejects.toThrow('is a DAEMON, which has no number');
    has(1);
    ecs.next('UpdateService', 'AccessDeniedException');
    await expect(pool.push?.(2, signal())).rejects.toThrow('not authorized to perform: ecs:UpdateService');
    const other = external({ ecs: { cluster: 'nowhere', service: 'x', region: 'eu-west-1', endpoint: ecs.endpoint } });
    await expect(other.check?.(signal())).rejects.toThrow('Cluster not found');
    await pool.check?.(signal());
    for (const each of [pool, other]) await each.close?.();
  });

  test('options are checked as a whole', () => {
    const bad = { ecs: { cluster: '', requestTimeout: 'soon' }, deletionCosts: true } as never;
    expect(() => external(bad)).toThrow(FlameConfigError);
    expect(() => external(bad)).toThrow(/deletionCosts: is no option; there are deletionCost, ecs/);
    try {
      external(bad);
    } catch (error) {
      const paths = (error as FlameConfigError).problems.map(({ path }) => path);
      expect(paths).toEqual(['deletionCosts', 'ecs.cluster', 'ecs.service', 'ecs.requestTimeout']);
    }
  });
});

describe('EX-13 an autoscaler that pushes', () => {
  const fleet = async (push: boolean, min = 3) => {
    const redis = await startRedis();
    const base = externalConfig({ backend: poolOf(), min, max: 8 });
    const config = { ...base, redis: { kind: 'single', url: redis.url, options: {} } } as const;
    const autoscaler = createAutoscaler(config, { logger: pino({ level: 'silent' }), push });
    await autoscaler.start();
    return Object.assign(autoscaler, {
      redis,
      [Symbol.asyncDispose]: async () => {
        await autoscaler.stop();
        await redis.stop();
      },
    });
  };

  test('tells the number while it leads, again after a failure', async () => {
    has(1);
    ecs.next('DescribeServices', 'AccessDeniedException');
    await using autoscaler = await fleet(true);
    await waitFor(() => ecs.services.get('runners')?.desiredCount === 3, {
      what: 'the number to be told',
      timeoutMs: 30_000,
    });
    expect(autoscaler.status().pools.work?.platform).toMatchObject({ wanted: 3 });
    expect(ecs.requests[0]).toBe('DescribeServices AccessDeniedException');
  });

  test('tells nothing unless it is started with push', async () => {
    has(1);
    await using autoscaler = await fleet(false);
    await waitFor(() => autoscaler.status().pools.work?.platform?.wanted === 3, {
      what: 'a decision',
      timeoutMs: 20_000,
    });
    expect(ecs.requests).toEqual([]);
  });

  test('refuses to push when no pool has where to', () => {
    const config = externalConfig({ backend: external() });
    expect(() => createAutoscaler(config, { push: true })).toThrow(/no pool has external\(\{ ecs \}\)/);
  });
});
