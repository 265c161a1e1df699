/** The default policy: as many slots as there are calls. */
import type { Policy } from '@flamejs/queue';
import { demand } from './demand.ts';

export interface QueueDepthOptions {
  /** Calls, waiting or running, that one runner is meant to have. Default: the pool's `maxConcurrency`. */
  readonly callsPerRunner?: number;
}

/**
 * One runner for every `callsPerRunner` calls that wait or run, and the pool's `buffer` of spare slots.
 * @returns a policy that never holds.
 * @throws FlameConfigError never; `callsPerRunner` below 1 counts as 1.
 */
export const queueDepth = (options: QueueDepthOptions = {}): Policy => ({
  name: 'queueDepth',
  desired(observation, pool) {
    const calls = demand(observation.queue);
    const perRunner = Math.max(1, options.callsPerRunner ?? pool.maxConcurrency);
    const desired = Math.ceil((calls + pool.buffer) / perRunner);
    return { desired, memory: undefined, reasons: [depthReason(observation.queue, pool.buffer, perRunner, desired)] };
  },
});

const depthReason = (
  queue: Parameters<typeof demand>[0],
  buffer: number,
  perRunner: number,
  desired: number,
): string => {
  const waiting = queue.waiting + queue.prioritized;
  const parts = [`${waiting} waiting`, `${queue.active} running`];
  if (queue.dueSoon > 0) parts.push(`${queue.dueSoon} due soon`);
  if (queue.orphanActive > 0) parts.push(`${queue.orphanActive} to be taken back from lost runners`);
  if (buffer > 0) parts.push(`${buffer} spare`);
  return `${parts.join(' + ')}, ${perRunner} a runner: ${desired}${queue.paused ? ' (paused: waiting calls do not count)' : ''}`;
};
