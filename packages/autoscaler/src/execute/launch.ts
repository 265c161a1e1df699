/**
 * Launching: reserve durable records, ask the provider, write down what it said. After an answer that did not arrive the
 * same request is made again until one does; only a definite refusal drops a record.
 */
import { FlameLaunchError, type Instance, type LaunchErrorKind, type LaunchRequest } from '@flamejs/queue';
import { bounded } from '../clock.ts';
import { refused } from '../plan/breaker.ts';
import { noCapacity } from '../plan/capacity.ts';
import { eased, take, throttled } from '../plan/limiter.ts';
import type { LaunchingPool } from '../pool-context.ts';
import { type IntentRecord, newIntent } from '../record/intent.ts';
import { newRunnerId } from '../record/runner-id.ts';
import { backoffMs } from './backoff.ts';
import { commit } from './commit.ts';

export interface LaunchOrder {
  readonly count: number;
  readonly reason: string;
  readonly max: number;
  readonly quota: number;
}

/** Reserves as many records as the caps allow, and launches those apart from the tick. @returns how many */
export const launchMany = async (ctx: LaunchingPool, order: LaunchOrder): Promise<number> => {
  const { memory, term, pool, owner } = ctx;
  memory.limiter = take(memory.limiter, order.count);
  const records = Array.from({ length: order.count }, () => {
    const runnerId = newRunnerId(pool.name, owner);
    const { release } = memory.release;
    const env = ctx.environment.env(pool, runnerId, { release, backend: ctx.backend });
    const slots = pool.singleUse ? 1 : pool.maxConcurrency;
    const from = { runnerId, pool: pool.name, backend: ctx.backend.name, release, slots, env };
    return newIntent({ ...from, reason: order.reason }, term.now());
  });
  const reserved = await ctx.store.reserve(term.epoch, records, { max: order.max, quota: order.quota });
  if (reserved === 'fenced') {
    term.depose('a reservation was refused');
    return 0;
  }
  for (const record of records.filter(({ runnerId }) => reserved.includes(runnerId))) {
    ctx.emit({ type: 'runner.requested', runnerId: record.runnerId, reason: record.reason });
    ctx.hooks.fire('onGrowStart', pool.hooks.onGrowStart, {
      pool: pool.name,
      runnerId: record.runnerId,
      count: ctx.count(),
    });
    ctx.begin([record.runnerId], () => launchOne(ctx, record));
  }
  return reserved.length;
};

/** Also the replay: the request is made of the record alone, so it is the same each time. */
export const launchOne = async (ctx: LaunchingPool, record: IntentRecord): Promise<void> => {
  const { term, clock, memory, backend } = ctx;
  const what = `${backend.name}.launch`;
  const answer = await ctx.limit(async (): Promise<Instance | FlameLaunchError | undefined> => {
    if (!term.leads()) return undefined;
    try {
      return await bounded(clock, ctx.timing.callTimeoutMs, what, (signal) =>
        backend.launch(requestOf(ctx, record), signal),
      );
    } catch (error) {
      return asLaunchError(error);
    } finally {
      memory.watch.touched(record.runnerId, clock.mono());
    }
  });
  if (answer === undefined) return;
  if (answer instanceof FlameLaunchError) await failed(ctx, record, answer);
  else await accepted(ctx, record, answer);
};

const requestOf = (ctx: LaunchingPool, record: IntentRecord): LaunchRequest => ({
  app: ctx.app,
  pool: record.pool,
  runnerId: record.runnerId,
  attempt: record.launch.attempt,
  release: record.release,
  maxConcurrency: record.slots,
  shutdownMs: ctx.pool.shutdownTimeoutMs + ctx.pool.killGraceMs,
  env: record.launch.env,
  secrets: ctx.environment.secrets(record.launch.env),
});

const accepted = async (ctx: LaunchingPool, record: IntentRecord, instance: Instance): Promise<void> => {
  ctx.memory.limiter = eased(ctx.memory.limiter);
  ctx.emit({
    type: 'runner.launched',
    runnerId: record.runnerId,
    reason: record.reason,
    details: { instanceId: instance.id, location: instance.location, ...instance.details },
  });
  await commit(ctx, {
    save: [
      {
        ...record,
        state: 'booting',
        stateSince: ctx.term.now(),
        instanceId: instance.id,
        location: instance.location ?? null,
        details: instance.details ?? {},
        launch: { ...record.launch, outcome: 'accepted', acceptedAt: ctx.term.now(), tries: record.launch.tries + 1 },
      },
    ],
  });
};

const failed = async (ctx: LaunchingPool, record: IntentRecord, error: FlameLaunchError): Promise<void> => {
  const now = ctx.term.now();
  const { runnerId } = record;
  if (error.kind === 'unknown') {
    const tries = record.launch.tries + 1;
    const nextAt = now + backoffMs(tries, ctx.timing, ctx.clock.random());
    ctx.log.warn({ err: error, runnerId, tries }, 'a launch has no known outcome; the same request is made again');
    await commit(ctx, { save: [{ ...record, launch: { ...record.launch, outcome: 'unknown', tries, nextAt } }] });
    return;
  }
  ctx.log.error({ err: error, runnerId, kind: error.kind }, 'a launch was refused');
  learn(ctx, error.kind, error.message, now);
  ctx.emit({ type: 'runner.failed', runnerId, reason: error.message, details: { kind: error.kind } });
  await commit(ctx, { remove: [runnerId] });
  ctx.hooks.fire('onGrowEnd', ctx.pool.hooks.onGrowEnd, {
    pool: record.pool,
    runnerId,
    count: ctx.count(),
    ok: false,
    reason: error.message,
  });
};

/** What a refusal says about the next launches. */
const learn = (ctx: LaunchingPool, kind: LaunchErrorKind, reason: string, now: number): void => {
  const { memory } = ctx;
  const bootTimeoutMs = ctx.backend.defaults.bootTimeoutMs;
  if (kind === 'capacity' || kind === 'quota')
    memory.gate = noCapacity(memory.gate, { now, kind, reason }, bootTimeoutMs);
  else if (kind === 'throttled') memory.limiter = throttled(memory.limiter);
  else memory.breaker = refused(memory.breaker, now, reason, ctx.breakerTiming);
};

/** Whatever a backend throws that is not a definite refusal may have launched something. */
const asLaunchError = (error: unknown): FlameLaunchError =>
  error instanceof FlameLaunchError
    ? error
    : new FlameLaunchError(error instanceof Error ? error.message : String(error), { kind: 'unknown', cause: error });
