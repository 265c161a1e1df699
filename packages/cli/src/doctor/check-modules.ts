/** Whether the modules with the functions are there, and can be loaded where calls will run. */

import { holdsSecret } from '@flamejs/protocol/secret-parts';
import type { AppConfig, PoolConfig } from '@flamejs/queue';
import { ownSecrets } from '@flamejs/queue/internal';
import { findModules, tryModules } from '@flamejs/runner';
import { pino } from 'pino';
import type { Diagnosis } from './diagnose.ts';

/** @returns one finding for each set of modules, and for each environment that they are loaded in. */
export const checkModules = async (config: AppConfig): Promise<readonly Diagnosis[]> => {
  const alike = grouped(Object.values(config.pools));
  const findings: Diagnosis[] = [];
  for (const pools of alike.values()) {
    const names = pools.map(({ name }) => name).join(', ');
    const check = alike.size === 1 ? 'functions' : `functions of ${names}`;
    const [pool] = pools;
    if (pool === undefined) continue;
    const missed: string[] = [];
    const found = await tryPool(config, pool, (advice) => missed.push(advice));
    findings.push({ check, ...found });
    // Of a failure it stands in the message.
    if (found.level === 'ok') findings.push(...missed.map((message): Diagnosis => ({ level: 'warn', check, message })));
  }
  return [...findings, ...Object.values(config.pools).flatMap((pool) => checkEnv(config, pool))];
};

/** What `env` names is passed: that should be meant. */
const checkEnv = (config: AppConfig, { name, env }: PoolConfig): readonly Diagnosis[] => {
  const { keys, others } = ownSecrets(config, process.env);
  const check = `env of ${name}`;
  return Object.entries(env).flatMap(([variable, value]): Diagnosis[] => {
    if (holdsSecret(value, keys))
      return [{ level: 'warn', check, message: `${variable} holds a key of Flame: functions are not given it` }];
    if (!holdsSecret(value, others)) return [];
    const message = `${variable} holds a secret of Flame's, which functions of this pool can read`;
    return [
      { level: 'warn', check, message, advice: 'Give them a user of their own in Redis, if they need it at all.' },
    ];
  });
};

const tryPool = async (
  config: AppConfig,
  pool: PoolConfig,
  onMissedEnv: (advice: string) => void,
): Promise<Omit<Diagnosis, 'check'>> => {
  const cwd = process.cwd();
  try {
    const modules = await findModules(pool.functions, config.root);
    if (modules.length === 0) {
      const message = `no file matches ${pool.functions.join(', ') || '(nothing is configured)'} in ${config.root}`;
      return { level: 'warn', message, advice: 'Runners load these modules; without any they know no function.' };
    }
    // Where local runners start.
    process.chdir(config.root);
    const why = await tryModules(config, pool, pino({ level: 'silent' }), onMissedEnv);
    if (why === undefined)
      return { level: 'ok', message: modules.length === 1 ? '1 module loads' : `${modules.length} modules load` };
    return { level: 'fail', message: why, advice: ADVICE };
  } catch (error) {
    return { level: 'fail', message: error instanceof Error ? error.message : String(error) };
  } finally {
    process.chdir(cwd);
  }
};

const ADVICE = 'Runners load these modules in the environment of executors, which is not all of your own.';

const sameModules = ({ functions, env, passEnv, isolation }: PoolConfig): string =>
  JSON.stringify([functions, env, passEnv, isolation]);

const grouped = (pools: readonly PoolConfig[]): Map<string, PoolConfig[]> => {
  const groups = new Map<string, PoolConfig[]>();
  for (const pool of pools) groups.set(sameModules(pool), [...(groups.get(sameModules(pool)) ?? []), pool]);
  return groups;
};
