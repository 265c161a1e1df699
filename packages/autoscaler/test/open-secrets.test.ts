/** Secrets, and parts of them, that would stand where others can read them. */
import type { Backend, LaunchRequest, PoolConfig } from '@flamejs/queue';
import { parseConfig } from '@flamejs/queue/internal';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { FLY_TOKEN } from '../../../tests/fake-fly/index.ts';
import { startRedis } from '../../../tests/support/redis.ts';
import { createAutoscaler } from '../src/autoscaler.ts';
import { containerSpec } from '../src/backends/docker/container-spec.ts';
import { parseOptions as dockerOptions } from '../src/backends/docker/parse-options.ts';
import { machineConfig } from '../src/backends/fly/machine-config.ts';
import { parseOptions as flyOptions } from '../src/backends/fly/options.ts';
import { findOpenSecret, secretLikeNames } from '../src/backends/open-secrets.ts';

const PASSWORD = 'p@ss/word of redis';
const secrets = {
  FLAME_REDIS_URL: `rediss://flame:${encodeURIComponent(PASSWORD)}@redis.internal:6380/0`,
  FLAME_SIGNING_KEY: 'canary-signing-7b21',
  FLAME_ENCRYPTION_KEYS: 'k1:canary-encryption-55d0,k2:another-key-of-the-app',
};
const request = (env: Readonly<Record<string, string>>): LaunchRequest => ({
  app: 'shop',
  pool: 'images',
  runnerId: 'images-abcdef-0000000000aa',
  attempt: 1,
  release: 'r1',
  maxConcurrency: 1,
  env,
  secrets,
});

describe('T-09 secrets in the open', () => {
  test.each([
    ['the whole URL', secrets.FLAME_REDIS_URL, 'FLAME_REDIS_URL'],
    ['the password alone', PASSWORD, 'FLAME_REDIS_URL'],
    ['the password as it stands in a URL', encodeURIComponent(PASSWORD), 'FLAME_REDIS_URL'],
    ['another URL with it', `redis://:${encodeURIComponent(PASSWORD)}@other:6379`, 'FLAME_REDIS_URL'],
    ['the signing key', 'canary-signing-7b21', 'FLAME_SIGNING_KEY'],
    ['one of the encryption keys', 'x=another-key-of-the-app', 'FLAME_ENCRYPTION_KEYS'],
  ])('T-09: %s is recognised', (_, text, name) => {
    expect(findOpenSecret(secrets, ['harmless', text])).toBe(name);
  });

  test('T-09: a short password is recognised as a value, and not in every text that has its letters', () => {
    const short = { FLAME_REDIS_URL: 'redis://:abc@redis.internal' };
    expect(findOpenSecret(short, ['abc'])).toBe('FLAME_REDIS_URL');
    expect(findOpenSecret(short, ['abcdef', 'redis.internal'])).toBeUndefined();
    // A URL without a password opens nothing.
    expect(findOpenSecret({ FLAME_REDIS_URL: 'redis://redis:6379' }, ['redis://redis:6379'])).toBeUndefined();
  });

  test('T-09: neither a container whose secrets are in files nor a Fly machine carries a part of one', () => {
    const docker = dockerOptions({ image: 'shop:1', secretFiles: { redisUrl: '/run/shop/redis-url' } });
    expect(() => containerSpec(request({ DB: PASSWORD }), docker)).toThrow(/FLAME_REDIS_URL/);
    expect(containerSpec(request({ DB: 'harmless' }), docker).Env).toContain('DB=harmless');
    const app = { app: 'shop-fly', image: 'shop:1', regions: ['fra'], token: FLY_TOKEN };
    const fly = flyOptions(app, {});
    expect(() => machineConfig(request({ DB: PASSWORD }), 'fra', fly)).toThrow(/FLAME_REDIS_URL/);
    // Whoever asks for the environment has been told that it can be read.
    expect(() =>
      machineConfig(request({ DB: PASSWORD }), 'fra', flyOptions({ ...app, secrets: 'env' }, {})),
    ).not.toThrow();
  });

  test('T-09: other names that sound like a credential are warned of at the start, where the backend shows them', async () => {
    await using redis = await startRedis();
    const env = { STRIPE_SECRET: 's3cret', API_TOKEN: '', GREETING: 'hello', DB_PASSWORD_FILE: '/run/db' };
    const backend = {
      name: 'cloud',
      defaults: DEFAULTS,
      list: async () => [],
      launch: never,
      terminate: async () => [],
    };
    const input = { app: 'warned', redis: redis.url, functions: [], pools: { work: { backend, env } } };
    const config = parseConfig(input as never, { root: process.cwd(), configFile: undefined, env: {} });
    const lines: string[] = [];
    const autoscaler = createAutoscaler(config, {
      logger: pino({ level: 'warn' }, { write: (line) => void lines.push(line) }),
    });
    await autoscaler.start();
    await autoscaler.stop();
    const warnings = lines.filter((line) => line.includes('STRIPE_SECRET'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).not.toMatch(/s3cret|GREETING|API_TOKEN|DB_PASSWORD_FILE/);
    expect(secretLikeNames({ env } as unknown as PoolConfig, { sharesDisk: true } as Backend)).toEqual([]);
  });
});

const never = (): Promise<never> => Promise.reject(new Error('not needed'));
const DEFAULTS = {
  bootTimeoutMs: 1_000,
  idleShutdownAfterMs: 1_000,
  tickMs: 500,
  fastTickMs: 100,
  heartbeatTimeoutMs: 1_000,
  failsafeTimeoutMs: 1_000,
  launchesPerTick: 1,
};
