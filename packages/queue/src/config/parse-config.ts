/** Turns what users wrote, and the environment, into the configuration that everything behind works with. */

import { MAX_DURATION_MS } from '@flamejs/protocol/duration';
import { type ConfigProblem, configError } from '@flamejs/protocol/errors/input-errors';
import { readKeyText } from '@flamejs/protocol/payload/keys';
import { readPayloadSteps } from '@flamejs/protocol/payload/read-payload';
import { isPoolName, poolNameRule } from '../call-options.ts';
import { isExternal } from '../is-external.ts';
import { devRedisUrl, findDevRedis } from './dev-redis.ts';
import { type Environment, readEnvironment } from './environment.ts';
import type { ConfigInput, PoolInput } from './input.ts';
import type { ParsedPool } from './pool-shape.ts';
import { bullmqQueue } from './read-bullmq.ts';
import { type RedisReading, readRedis } from './redis.ts';
import { deriveRelease } from './release.ts';
import { readApp, readSigningKey } from './schema.ts';
import type { AppConfig, PoolConfig } from './types.ts';

export interface ParseConfigOptions {
  /** Folder that `functions` are relative to. */
  readonly root: string;
  readonly configFile: string | undefined;
  readonly env?: Readonly<NodeJS.ProcessEnv> | undefined;
}

/**
 * @returns the configuration with every default filled in.
 * @throws FlameConfigError that lists every problem with its path.
 */
export const parseConfig = (written: ConfigInput, options: ParseConfigOptions): AppConfig => {
  const { root, configFile, env = process.env } = options;
  const environment = readEnvironment(env);
  const input = environment.isExecutor ? withoutSecrets(written) : written;
  const problems: ConfigProblem[] = [];
  const app = readApp(input, problems);
  problems.push(...poolProblems(input), ...environment.problems);
  const address = (fieldOf(input, 'redis') ??
    (environment.isExecutor
      ? undefined
      : env.REDIS_URL || ofDevelopment(environment, root, env))) as ConfigInput['redis'];
  const redis = readRedis(address, environment.redisUrl);
  problems.push(...redis.problems);
  const signingKey = environment.signingKey ?? (fieldOf(input, 'signingKey') as string | undefined);
  if (environment.signingKey !== undefined) {
    const read = readSigningKey(environment.signingKey);
    if (!read.ok) problems.push({ path: 'FLAME_SIGNING_KEY', message: read.message });
  }
  const encryptionKeys =
    (environment.encryptionKeys === undefined
      ? app?.encryptionKeys
      : readKeyText(environment.encryptionKeys, 'FLAME_ENCRYPTION_KEYS', problems)) ?? [];
  const payload = readPayloadSteps(fieldOf(input, 'payload'), encryptionKeys, environment.detached, problems);
  if (!environment.detached) {
    problems.push(...trustProblems(redis, signingKey, fieldOf(input, 'allowInsecureRedis') === true));
  }
  if (app === undefined || problems.length > 0) throw configError(configFile ?? 'the config', problems);

  const functions = app.functions ?? [];
  const shared = {
    functions,
    passEnv: app.passEnv ?? [],
    heartbeat: app.heartbeatTimeout,
    failsafe: app.failsafeTimeout,
  };
  return {
    app: app.app,
    prefix: app.prefix ?? 'flame',
    redis: redis.config,
    quota: app.quota,
    connectTimeoutMs: app.connectTimeout ?? 5_000,
    functions,
    root,
    configFile,
    ...releaseOf(environment.release ?? app.release, root),
    signingKey,
    encryptionKeys,
    payload,
    heartbeatTimeoutMs: app.heartbeatTimeout,
    failsafeTimeoutMs: app.failsafeTimeout,
    maxCallDepth: app.maxCallDepth ?? 32,
    maxLoopRate: app.maxLoopRate ?? 10,
    signatureTtlMs: app.signatureTtl ?? 30 * 86_400_000,
    requireSignedTime: app.requireSignedTime ?? false,
    telemetry: app.telemetry,
    alerts: app.alerts,
    allowEviction: app.allowEviction ?? false,
    allowInsecureRedis: app.allowInsecureRedis ?? false,
    pools: Object.fromEntries(Object.entries(app.pools).map(([name, pool]) => [name, poolConfig(name, pool, shared)])),
  };
};

/** Where nobody names a Redis: the one of `flame dev`, while it runs. */
const ofDevelopment = (
  { redisUrl, detached }: Environment,
  root: string,
  env: Readonly<NodeJS.ProcessEnv>,
): string | undefined => {
  if (redisUrl !== undefined || detached || env.NODE_ENV === 'production') return undefined;
  const record = findDevRedis(root);
  return record === undefined ? undefined : devRedisUrl(record);
};

/** What a pool has from its app unless it says otherwise. */
interface SharedByPools {
  readonly functions: readonly string[];
  readonly passEnv: readonly string[];
  readonly heartbeat: number | undefined;
  readonly failsafe: number | undefined;
}

const poolConfig = (name: string, pool: ParsedPool, app: SharedByPools): PoolConfig => {
  const backend = pool.backend?.defaults;
  const idleShutdownAfterMs = pool.idleShutdownAfter?.afterMs ?? backend?.idleShutdownAfterMs ?? 30_000;
  const { onGrowStart, onGrowEnd, onShrink } = pool;
  return {
    name,
    min: pool.min ?? 0,
    max: pool.max ?? DEFAULT_MAX,
    maxConcurrency: pool.maxConcurrency ?? 1,
    singleUse: pool.singleUse ?? false,
    maxCallsPerExecutor: pool.maxCallsPerExecutor,
    // A job of BullMQ has no timeout: one that worked must go on working.
    timeoutMs: pool.timeout ?? (pool.bullmq === undefined ? 30_000 : MAX_DURATION_MS),
    bootTimeoutMs: pool.bootTimeout ?? backend?.bootTimeoutMs ?? 30_000,
    shutdownTimeoutMs: pool.shutdownTimeout ?? 30_000,
    idleShutdownAfterMs,
    idleUnless: pool.idleShutdownAfter?.unless,
    scaleDownWindowMs: pool.scaleDownWindow ?? idleShutdownAfterMs,
    heartbeatTimeoutMs: app.heartbeat ?? backend?.heartbeatTimeoutMs ?? 60_000,
    failsafeTimeoutMs: app.failsafe ?? backend?.failsafeTimeoutMs ?? 60_000,
    isolation: pool.isolation ?? 'process',
    memoryLimit: pool.memoryLimit,
    releasePolicy: pool.releasePolicy ?? 'compatible',
    killGraceMs: pool.killGrace ?? 1_000,
    payloadLimit: pool.payloadLimit ?? 16 * 1024 * 1024,
    streamWindow: pool.streamWindow ?? 4 * 1024 * 1024,
    streamRetention: pool.streamRetention ?? 1024 * 1024,
    readTimeoutMs: pool.readTimeout ?? 300_000,
    idleTimeoutMs: pool.idleTimeout ?? 60_000,
    maxPending: pool.maxPending ?? 100_000,
    limits: pool.limits ?? {},
    callAccess: pool.callAccess ?? 'own',
    functions: pool.functions ?? app.functions,
    env: pool.env ?? {},
    passEnv: [...new Set([...app.passEnv, ...(pool.passEnv ?? [])])],
    keep: pool.keep ?? [],
    backend: pool.backend,
    policy: pool.policy,
    buffer: pool.buffer ?? 0,
    price: pool.price,
    ...(pool.bullmq !== undefined && { bullmq: bullmqQueue(name, pool.bullmq), passRedis: pool.passRedis ?? false }),
    hooks: { ...(onGrowStart && { onGrowStart }), ...(onGrowEnd && { onGrowEnd }), ...(onShrink && { onShrink }) },
  };
};

const releaseOf = (given: string | undefined, root: string): Pick<AppConfig, 'release' | 'releaseDerived'> =>
  given === undefined ? { release: deriveRelease(root), releaseDerived: true } : { release: given };

const DEFAULT_MAX = 10;

/** What concerns names, or two options at once. Looked for in the raw input, so that other problems do not hide it. */
const poolProblems = (input: unknown): ConfigProblem[] => {
  const pools = fieldOf(input, 'pools');
  if (typeof pools !== 'object' || pools === null) return [];
  const entries = Object.entries(pools as Record<string, PoolInput>);
  const problems: ConfigProblem[] = [];
  if (entries.length === 0) problems.push({ path: 'pools', message: 'expected at least one pool' });
  const quota = fieldOf(input, 'quota');
  const mins = entries.reduce((sum, [, pool]) => sum + (typeof pool?.min === 'number' ? pool.min : 0), 0);
  if (typeof quota === 'number' && mins > quota) {
    problems.push({
      path: 'quota',
      message: `must not be less than what the pools' min add up to (${mins} > ${quota})`,
    });
  }
  problems.push(...externalProblems(entries, quota));
  for (const [name, pool] of entries) {
    const path = `pools.${name}`;
    if (!isPoolName(name)) problems.push({ path, message: poolNameRule(name) });
    if (typeof pool !== 'object' || pool === null) continue;
    const { min = 0, max = DEFAULT_MAX, singleUse, maxConcurrency = 1 } = pool;
    if (typeof min === 'number' && typeof max === 'number' && min > max) {
      problems.push({ path: `${path}.min`, message: `must not be more than max (${min} > ${max})` });
    }
    problems.push(...bullmqProblems(path, pool));
    if (singleUse === true && maxConcurrency !== 1) {
      problems.push({ path: `${path}.maxConcurrency`, message: 'must be 1 with singleUse' });
    }
  }
  return problems;
};

/** What a platform that starts and ends the runners cannot do. */
const externalProblems = (entries: readonly (readonly [string, PoolInput])[], quota: unknown): ConfigProblem[] => {
  const external = entries.filter(
    ([, pool]) => typeof pool?.backend === 'object' && pool.backend !== null && isExternal(pool.backend),
  );
  const problems: ConfigProblem[] = external.flatMap(([name, { singleUse, idleShutdownAfter }]) => [
    ...(singleUse === true ? [{ path: `pools.${name}.singleUse`, message: NO_SINGLE_USE }] : []),
    ...(typeof idleShutdownAfter === 'object' && idleShutdownAfter?.unless !== undefined
      ? [{ path: `pools.${name}.idleShutdownAfter.unless`, message: NO_UNLESS }]
      : []),
  ]);
  // Nothing can be refused to a platform once it has heard a number, so the largest one is set aside.
  const largest = external.reduce((sum, [, { max = DEFAULT_MAX }]) => sum + Number(max), 0);
  if (typeof quota === 'number' && largest > quota) {
    problems.push({
      path: 'quota',
      message: `must not be less than what the max of the pools with external() add up to (${largest} > ${quota}): it is set aside for them`,
    });
  }
  return problems;
};

const NO_SINGLE_USE =
  'cannot be used with external(): the platform would start each runner that ends again; maxCallsPerExecutor: 1 gives every call a process of its own';
const NO_UNLESS =
  'cannot be used with external(): the platform picks which runner it ends, so there is none to be asked about; use min or buffer';

const NOT_FOR_QUEUES = 'is not there for a pool that serves a queue of BullMQ';

const bullmqProblems = (path: string, { bullmq, passRedis, singleUse, backend }: PoolInput): ConfigProblem[] => {
  if (bullmq === undefined)
    return passRedis === true
      ? [{ path: `${path}.passRedis`, message: 'is for pools that serve a queue of BullMQ' }]
      : [];
  const problems: ConfigProblem[] = [];
  if (singleUse === true) problems.push({ path: `${path}.singleUse`, message: NOT_FOR_QUEUES });
  if (typeof backend === 'object' && backend !== null && isExternal(backend))
    problems.push({ path: `${path}.backend`, message: `external() ${NOT_FOR_QUEUES}` });
  return problems;
};

/** Rulings on an address alone; what the server itself says is checked when it is reached. */
const trustProblems = (redis: RedisReading, signingKey: unknown, allowInsecure: boolean): ConfigProblem[] => {
  const [host] = redis.remote;
  if (host === undefined) return [];
  const problems: ConfigProblem[] = [];
  if (!redis.authenticated && !allowInsecure) {
    problems.push({
      path: 'redis',
      message: `${host} is another host, and no authentication is configured: anyone who reaches it could run code on your machines. Give the URL a password (rediss://user:password@host), or set allowInsecureRedis: true`,
    });
  }
  if (redis.unverified && !allowInsecure) {
    problems.push({
      path: 'redis',
      message: `tls.rejectUnauthorized: false accepts any server as ${host}, which then gets the password: give the authority's certificate as tls.ca, or set allowInsecureRedis: true`,
    });
  }
  if (signingKey === undefined) {
    problems.push({
      path: 'signingKey',
      message: `needed because Redis is on another host (${host}): set FLAME_SIGNING_KEY, or signingKey, to the same random text of at least 16 characters for callers and runners`,
    });
  }
  return problems;
};

/**
 * An executor is given neither these nor, mostly, the variables that they are made of: there is nothing to check, and an
 * address that is missing there is no mistake.
 */
const withoutSecrets = (input: ConfigInput): ConfigInput => {
  if (typeof input !== 'object' || input === null) return input;
  const { redis: _, signingKey: __, encryptionKeys: ___, payload: ____, alerts: _____, ...rest } = input;
  if (typeof rest.pools !== 'object' || rest.pools === null) return rest;
  const pools = Object.entries(rest.pools).map(([name, pool]) =>
    typeof pool === 'object' && pool !== null ? [name, { ...pool, env: undefined }] : [name, pool],
  );
  return { ...rest, pools: Object.fromEntries(pools) };
};

const fieldOf = (input: unknown, name: keyof ConfigInput): unknown =>
  typeof input === 'object' && input !== null ? (input as Partial<ConfigInput>)[name] : undefined;
