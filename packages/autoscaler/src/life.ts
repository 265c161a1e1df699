/** One life of an autoscaler, from its connections to their end: what is put up here is taken down here, also when that fails. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { createAlertSender, damageLog } from '@flamejs/protocol';
import type { AppConfig, Backend, PoolBackend, PoolConfig } from '@flamejs/queue';
import { createEnding, isExternal } from '@flamejs/queue/internal';
import type { Logger } from 'pino';
import { createAlarms } from './alarms.ts';
import type { AutoscalerStatus, StopOptions } from './autoscaler.ts';
import { secretLikeNames } from './backends/open-secrets.ts';
import type { Clock } from './clock.ts';
import { openConnections } from './connections.ts';
import { createController } from './controller.ts';
import { createHousekeeper } from './housekeeper.ts';
import { createLeader, RENEW_MS } from './leader.ts';
import { metricsPort, startMetricsServer } from './metrics-server.ts';
import type { Plan } from './plan/action.ts';
import { ownerOf } from './record/runner-id.ts';
import { startScaler } from './scaler/scaler.ts';
import { scalerSettings } from './scaler/settings.ts';
import { createScheduleKeeper } from './schedule-keeper.ts';
import { endRunners } from './shut-down.ts';
import { redisStore } from './store/redis-store.ts';
import { createUnserved } from './unserved.ts';
import { createWaker } from './wake.ts';

export interface LifeParts {
  readonly config: AppConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly leaseMs: number;
  readonly push: boolean;
  backendOf(pool: PoolConfig): PoolBackend;
}

export interface Life {
  /** Never throws. @returns what could not be done */
  end(options: StopOptions): Promise<readonly string[]>;
  status(): AutoscalerStatus;
  dryRun(): Promise<Readonly<Record<string, Plan>>>;
}

/** For what waits for an answer while everything is taken down; a healthy one takes milliseconds. */
const TAKE_DOWN_MS = 10_000;
/** The same while Redis is gone: nothing that waits for it will end. */
const WITHOUT_REDIS_MS = 200;

/** @throws FlameUnavailableError, or what Redis refuses: then everything has been taken down again */
export const beginLife = async (parts: LifeParts): Promise<Life> => {
  const { config, clock, log, leaseMs, push, backendOf } = parts;
  const names = Object.keys(config.pools);
  const all = [...new Set(Object.values(config.pools).map(backendOf))];
  const backends = all.filter((backend): backend is Backend => !isExternal(backend));
  const connections = await openConnections(config, clock, log);
  const ending = createEnding();
  ending.add('the connections were not closed', () => connections.close());

  const onDamage = damageLog(log);
  const store = redisStore({
    client: connections.store,
    prefix: config.prefix,
    app: config.app,
    clock,
    onDamage,
    queueOf: (pool) => config.pools[pool]?.bullmq,
  });
  const holder = `${hostname()}:${process.pid}:${randomBytes(6).toString('hex')}`;
  const leader = createLeader({ store, clock, log, holder, leaseMs });
  const controller = createController({
    config,
    store,
    clock,
    log,
    leader,
    owner: ownerOf(config.app, config.prefix, config.redis),
    push,
    backendOf,
    housekeepingOf: connections.housekeepingOf,
    wake: (pool) => waker.kick(pool, false),
  });
  const sender =
    config.alerts &&
    createAlertSender(config.alerts, (what, error) => log.warn({ what, error }, 'an alert could not be told'));
  if (sender !== undefined) ending.add('alerts were still being told', async () => sender.close());
  const alarms =
    config.alerts &&
    sender &&
    createAlarms({
      ...{ app: config.app, store, clock, log, leader, sender },
      waitMs: config.alerts.waitMs,
      statuses: () => controller.statuses(),
    });
  const waker = createWaker({
    clock,
    pools: names,
    async tick(pools, cachedList) {
      const expecting = await controller.tick({ pools, cachedList });
      await alarms?.look();
      return expecting;
    },
    every: (name, expecting) => {
      const pool = config.pools[name];
      const defaults = pool === undefined ? undefined : backendOf(pool).defaults;
      return (expecting ? defaults?.fastTickMs : defaults?.tickMs) ?? 1_000;
    },
  });
  const unserved = createUnserved({
    client: connections.steady,
    config,
    log,
    async announce(statuses) {
      const term = leader.current();
      if (term !== null) await store.beat(term.epoch, statuses);
    },
  });
  const keeping = {
    clock,
    log,
    pools: names,
    housekeepingOf: connections.housekeepingOf,
    leads: () => leader.current() !== null,
    wake(pool: string) {
      if (names.includes(pool)) waker.kick(pool, true);
    },
  };
  const housekeeper = createHousekeeper({ ...keeping, unserved: unserved.look, connectedAt: connections.connectedAt });
  const schedules = createScheduleKeeper(keeping);

  let renewal: Promise<unknown> = Promise.resolve();
  let cancelRenewal = (): void => {};
  let ended = false;
  const renew = (): void => {
    const led = leader.current()?.epoch;
    renewal = leader.keep().then((term) => {
      if (term !== null && term.epoch !== led) waker.kick(undefined, false);
      if (!ended) cancelRenewal = clock.after(Math.min(RENEW_MS, leaseMs / 3), renew);
    });
  };
  const takeDown = async (withinMs: number): Promise<readonly string[]> => {
    ended = true;
    cancelRenewal();
    return ending.run(withinMs);
  };

  try {
    for (const backend of all) ending.add(`the backend ${backend.name} was not closed`, () => backend.close?.());
    ending.add(`the lease was not given back and runs out within ${leaseMs} ms`, async () => {
      await renewal;
      await leader.release();
    });
    renew();
    ending.add('actions that were under way were not waited for', () => controller.finish());
    ending.add('a tick that was under way was not waited for', () => waker.stop());
    ending.add('housekeeping that was under way was not waited for', () => housekeeper.stop());
    ending.add('schedules that were being run were not waited for', () => schedules.stop());
    for (const backend of backends)
      for (const stop of watchInstances(backend, (pool) => waker.kick(pool, false)))
        ending.add('a backend is still listened to', stop);
    const port = metricsPort(process.env.FLAME_METRICS_PORT);
    if (port !== undefined) {
      const source = { client: connections.store, prefix: config.prefix, app: config.app, pools: names };
      const server = await startMetricsServer(source, { port, host: process.env.FLAME_METRICS_HOST || undefined, log });
      ending.add('the port of the metrics is still open', () => server.close());
    }
    const scaling = scalerSettings(process.env);
    if (scaling !== undefined) {
      const scaler = await startScaler(scaling, { config, client: connections.store, log });
      ending.add('the port for platforms is still open', () => scaler.close());
    }
    ending.add('kicks are still listened to', await connections.onKick((pool) => waker.kick(pool, true)));
  } catch (error) {
    await takeDown(WITHOUT_REDIS_MS);
    throw error;
  }
  for (const pool of Object.values(config.pools)) {
    const backend = backendOf(pool);
    if (!isExternal(backend)) warnOfSecrets(pool, backend, log);
  }
  waker.start();
  housekeeper.start();
  schedules.start();

  return {
    async end(options) {
      const { undone, redisAnswers } = await endRunners(
        { ...parts, backends, leader, controller, connections },
        options,
      );
      const all = [...undone, ...(await takeDown(redisAnswers ? TAKE_DOWN_MS : WITHOUT_REDIS_MS))];
      if (all.length > 0) log.error({ undone: all }, `stopped, but not all could be done: ${all.join('; ')}`);
      return all;
    },
    status: () => ({
      leading: leader.current() !== null,
      epoch: leader.current()?.epoch ?? null,
      pools: leader.current() === null ? {} : controller.statuses(),
    }),
    dryRun: () => controller.dryRun(),
  };
};

const warnOfSecrets = (pool: PoolConfig, backend: Backend, log: Logger): void => {
  const names = secretLikeNames(pool, backend);
  if (names.length === 0) return;
  const advice = 'whoever may look at its machines reads it there: let the function read it from a secret store';
  log.warn({ pool: pool.name, names }, `env of pool "${pool.name}" (${backend.name}): ${names.join(', ')}: ${advice}`);
};

/** A backend that learns by itself that an instance has ended says so, and its pool is looked at at once. */
const watchInstances = (backend: Backend, changed: (pool: string) => void): readonly (() => void)[] => {
  const watchable = backend as { readonly onChange?: (listener: (pool: string) => void) => () => void };
  return typeof watchable.onChange === 'function' ? [watchable.onChange(changed)] : [];
};
