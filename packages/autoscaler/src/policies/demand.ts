/** What the queue asks for, in calls: shared by the policies so that they count alike. Pure. */
import type { PoolObservation, QueueObservation, RunnerView } from '@flamejs/queue';

/** Calls that could start now or before a machine booted for them is ready; none while the pool is paused. */
export const runnable = (queue: QueueObservation): number =>
  queue.paused ? 0 : queue.waiting + queue.prioritized + queue.dueSoon;

/** Calls that need a slot: those that could start, those that run, and those whose runner is gone. */
export const demand = (queue: QueueObservation): number => runnable(queue) + queue.active + queue.orphanActive;

/** Runners that have slots to offer, or will when they have booted. */
export const current = (observation: PoolObservation): number => observation.runners.filter(isUseful).length;

export const isUseful = (runner: RunnerView): boolean =>
  runner.state === 'requested' || runner.state === 'booting' || runner.state === 'ready';

export const isBooting = (runner: RunnerView): boolean => runner.state === 'requested' || runner.state === 'booting';
