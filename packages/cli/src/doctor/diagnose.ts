/** The checks of `npx flamejs doctor`, in the order in which they build on each other. */

import { connect, disconnect, judgeServer, readServerFacts, redisNow, whenReady } from '@flamejs/protocol';
import { type AppConfig, FlameConfigError } from '@flamejs/queue';
import { isExternal } from '@flamejs/queue/internal';
import { checkModules } from './check-modules.ts';
import { checkPushes } from './check-pushes.ts';
import { checkQueues } from './check-queues.ts';
import { checkStored } from './check-stored.ts';

export interface Diagnosis {
  readonly level: 'ok' | 'warn' | 'fail';
  readonly check: string;
  readonly message: string;
  readonly advice?: string;
}

/** A clock that is off by less is no news. */
const SKEW_MS = 5_000;
const BACKEND_CHECK_MS = 10_000;

/** @returns one finding for each check that could be made. Never throws. */
export const diagnose = async (load: () => Promise<AppConfig>): Promise<readonly Diagnosis[]> => {
  const findings: Diagnosis[] = [checkNode()];
  let config: AppConfig;
  try {
    config = await load();
  } catch (error) {
    return [...findings, ...configProblems(error)];
  }
  const pools = Object.keys(config.pools);
  findings.push({
    level: 'ok',
    check: 'config',
    message: `${config.configFile ?? 'given'}: app "${config.app}", ${pools.length} pools (${pools.join(', ')})`,
  });
  const redis = await checkRedis(config);
  findings.push(...redis);
  if (!redis.some(({ level }) => level === 'fail')) {
    findings.push(...(await checkPushes(config)));
    findings.push(...(await checkStored(config)));
    findings.push(...(await checkQueues(config)));
  }
  findings.push(...(await checkModules(config)));
  for (const pool of Object.values(config.pools)) {
    const { backend } = pool;
    if (backend?.check === undefined) continue;
    findings.push(
      await backend.check(AbortSignal.timeout(BACKEND_CHECK_MS)).then(
        (): Diagnosis => ({
          level: 'ok',
          check: `backend of ${pool.name}`,
          message: isExternal(backend) ? 'the service can be told its number' : `${backend.name} can launch runners`,
        }),
        (error: Error): Diagnosis => ({ level: 'fail', check: `backend of ${pool.name}`, message: error.message }),
      ),
    );
  }
  return findings;
};

const checkNode = (): Diagnosis => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fine = major > 20 || (major === 20 && minor >= 19);
  return fine
    ? { level: 'ok', check: 'node', message: process.version }
    : { level: 'fail', check: 'node', message: process.version, advice: 'Flame needs Node 20.19 or newer.' };
};

const configProblems = (error: unknown): readonly Diagnosis[] => {
  if (!(error instanceof FlameConfigError)) return [{ level: 'fail', check: 'config', message: String(error) }];
  return error.problems.map(({ path, message }) => ({
    level: 'fail',
    check: 'config',
    message: path === '' ? message : `${path}: ${message}`,
  }));
};

const checkRedis = async (config: AppConfig): Promise<readonly Diagnosis[]> => {
  const client = connect(config.redis, 'steady', 'flame:doctor');
  let lastError: Error | undefined;
  client.on('error', (error: Error) => {
    lastError = error;
  });
  try {
    await whenReady(client, config.connectTimeoutMs);
    const facts = await readServerFacts(client);
    const skewMs = Math.abs((await redisNow(client)) - Date.now());
    const findings: Diagnosis[] = [
      { level: 'ok', check: 'redis', message: `version ${facts.version || 'unknown'} answers` },
    ];
    for (const { severity, message } of judgeServer(facts, config.allowEviction)) {
      findings.push({ level: severity === 'refuse' ? 'fail' : 'warn', check: 'redis', message });
    }
    if (skewMs > SKEW_MS) {
      const message = `this machine's clock differs from Redis' by ${Math.round(skewMs / 1000)} s; Flame works by Redis' clock`;
      findings.push({ level: 'warn', check: 'clock', message });
    }
    return findings;
  } catch (error) {
    const why = lastError?.message ?? (error instanceof Error ? error.message : String(error));
    return [
      {
        level: 'fail',
        check: 'redis',
        message: `cannot be reached: ${why}`,
        advice: 'Set REDIS_URL, or run `npx flamejs dev`, which starts one.',
      },
    ];
  } finally {
    disconnect(client);
  }
};
