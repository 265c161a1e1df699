/**
 * Ending the runners that are not meant to outlive the autoscaler: through Redis, in good order, and by their backend's own
 * means where Redis does not answer. Bounded in either case.
 */
import type { Backend, PoolBackend, PoolConfig } from '@flamejs/queue';
import { isExternal } from '@flamejs/queue/internal';
import type { StopOptions } from './autoscaler.ts';
import { bounded } from './clock.ts';
import type { Connections } from './connections.ts';
import type { Controller } from './controller.ts';
import type { Leader } from './leader.ts';
import type { LifeParts } from './life.ts';

export interface ShutDownParts extends LifeParts {
  readonly backends: readonly Backend[];
  readonly leader: Leader;
  readonly controller: Controller;
  readonly connections: Pick<Connections, 'answers'>;
}

export interface ShutDown {
  /** What could not be done, in words. */
  readonly undone: readonly string[];
  readonly redisAnswers: boolean;
}

/** Slack for the walk from a runner's own end to a list that no longer has it. */
const FORCE_AFTER_MS = 3_000;
const FORCE_WITHIN_MS = 15_000;
/** One answer of Redis that takes longer than this counts as none; so long without any, it counts as gone. */
const ANSWER_MS = 500;
const BLIND_MS = 1_000;
/** Beyond the grace, for a runner that cuts its calls short at its end. */
const CUT_MS = 300;

/** Never throws. */
export const endRunners = async (parts: ShutDownParts, options: StopOptions): Promise<ShutDown> => {
  const { config, clock, log, leader, backends, backendOf, connections } = parts;
  const pools = Object.values(config.pools).filter(
    (pool) => options.drain !== false && isEndedWithUs(backendOf(pool), options.drain === true),
  );
  const graceMs = options.timeoutMs ?? Math.max(0, ...pools.map((pool) => pool.shutdownTimeoutMs));
  const until = clock.mono() + graceMs;
  const undone: string[] = [];

  if (pools.length > 0 && leader.current() !== null) {
    const left = await drainPools(parts, pools, graceMs);
    if (left !== null) undone.push(left);
  }
  // Also of one that does not lead: what hangs on this process is awaited, or nobody would know that it is gone.
  for (const backend of options.drain === false ? [] : backends) {
    const killed = await endsWithUs(backend)?.endOwn?.(Math.max(0, until - clock.mono()) + CUT_MS);
    if (killed === undefined || killed.length === 0) continue;
    log.warn({ backend: backend.name, killed }, 'runners have not ended in time and were killed');
    undone.push(`${killed.length} of ${backend.name}'s runners had not ended in time: killed, their calls run again`);
  }
  const redisAnswers = await connections.answers(ANSWER_MS / 2);
  if (!redisAnswers)
    undone.unshift('Redis does not answer: runners could not be told to drain, and nothing was recorded');
  return { undone, redisAnswers };
};

/** @returns what is left, in words; `null` when nothing is */
const drainPools = async (
  parts: ShutDownParts,
  pools: readonly PoolConfig[],
  graceMs: number,
): Promise<string | null> => {
  const { controller, log } = parts;
  const names = new Set(pools.map(({ name }) => name));
  const listed = [...names].join(', ');
  controller.close({ deadlineMs: graceMs, force: false, pools: names });
  let state = await emptied(parts, names, graceMs + FORCE_AFTER_MS);
  if (state === 'left') {
    log.warn('runners have not drained in time; ending them by force');
    controller.close({ deadlineMs: 0, force: true, pools: names });
    state = await emptied(parts, names, FORCE_WITHIN_MS);
  }
  // That Redis does not answer is said once, for all that follows from it.
  if (state !== 'left') return null;
  return `${controller.physical(names)} instances of ${listed} are left, the next autoscaler ends them`;
};

/** Ticks closely until nothing is left, or until Redis has been silent for so long that nothing can be ordered or learned. */
const emptied = async (
  { leader, controller, connections, clock }: ShutDownParts,
  pools: ReadonlySet<string>,
  withinMs: number,
): Promise<'empty' | 'left' | 'blind'> => {
  const until = clock.mono() + withinMs;
  let heardAt = clock.mono();
  let ticks = 0;
  while (clock.mono() < until) {
    if (await connections.answers(ANSWER_MS)) {
      heardAt = clock.mono();
      // Another one leads by now: they are in its hands.
      if (leader.current() === null) return 'empty';
      const done = await tickOnce(controller, pools, Math.max(1, until - clock.mono()), clock);
      if (!done) break;
      ticks += 1;
      // The first tick only gives the orders; its count is from before them.
      if (ticks > 1 && controller.physical(pools) === 0) return 'empty';
    } else if (clock.mono() - heardAt >= BLIND_MS) return 'blind';
    await new Promise<void>((resolve) => void clock.after(100, resolve));
  }
  return (await connections.answers(ANSWER_MS)) ? 'left' : 'blind';
};

/** @returns false when it has not ended in time; it is left behind then */
const tickOnce = async (
  controller: Controller,
  pools: ReadonlySet<string>,
  withinMs: number,
  clock: ShutDownParts['clock'],
): Promise<boolean> => {
  try {
    await bounded(clock, withinMs, 'a tick', async () => {
      await controller.tick({ pools });
      await controller.settle();
    });
    return true;
  } catch {
    return false;
  }
};

/** What is not meant to outlive the autoscaler, which is local processes, and how it is ended without Redis. */
interface EndsWithUs {
  endOwn?(withinMs: number): Promise<readonly string[]>;
}

/** A platform would start its runners again. */
const isEndedWithUs = (backend: PoolBackend, drainAll: boolean): boolean =>
  !isExternal(backend) && (drainAll || endsWithUs(backend) !== undefined);

const endsWithUs = (backend: Backend): EndsWithUs | undefined =>
  (backend as { readonly endsWithAutoscaler?: unknown }).endsWithAutoscaler === true
    ? (backend as EndsWithUs)
    : undefined;
