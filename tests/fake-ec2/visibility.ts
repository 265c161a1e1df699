/** (a) Eventual consistency: a machine is not found by id, nor by tag, until the index has caught up; each on its own. */
import type { Machine } from './machine.ts';
import type { Region } from './region.ts';

export const visibleById = (machine: Machine, region: Region): boolean =>
  seenAfter(machine, region.knobs.lag.idMs, region) && !forgotten(machine, region);

export const visibleByFilter = (machine: Machine, region: Region): boolean =>
  seenAfter(machine, region.knobs.lag.tagMs, region) && !forgotten(machine, region);

const seenAfter = (machine: Machine, lagMs: number, region: Region): boolean =>
  region.knobs.clock.now() - machine.launchedAt >= lagMs;

const forgotten = (machine: Machine, region: Region): boolean => {
  const end = machine.history.find(({ state }) => state === 'terminated');
  return end !== undefined && region.knobs.clock.now() - end.at > region.knobs.tombstoneMs;
};
