/** Who is at work: fed by the pool's hooks, which the autoscaler calls in this process. */
import type { GrowEndInfo, GrowInfo, ShrinkInfo } from 'flamejs';

/** When each was asked for; an entry goes when its runner is gone. */
const requestedAt = new Map<string, number>();
const ready = new Set<string>();
let started = 0;
let peak = 0;
let report: (line: string) => void = () => {};

export const fleet = {
  onGrowStart({ runnerId }: GrowInfo): void {
    requestedAt.set(runnerId, performance.now());
    report(`  + ${runnerId} starts`);
  },
  onGrowEnd({ runnerId, ok, reason }: GrowEndInfo): void {
    const bootMs = performance.now() - (requestedAt.get(runnerId) ?? performance.now());
    if (!ok) {
      requestedAt.delete(runnerId);
      report(`  ! ${runnerId} did not start: ${reason}`);
      return;
    }
    ready.add(runnerId);
    started += 1;
    peak = Math.max(peak, ready.size);
    report(`  + ${runnerId} is ready after ${(bootMs / 1_000).toFixed(1)} s`);
  },
  onShrink({ runnerId, reason }: ShrinkInfo): void {
    requestedAt.delete(runnerId);
    ready.delete(runnerId);
    report(`  - ${runnerId} is gone (${reason})`);
  },
  /** Runners that can take calls. */
  ready: (): number => ready.size,
  /** Runners that can take calls, will be able to, or have not quite ended. */
  notGone: (): number => requestedAt.size,
  started: (): number => started,
  /** Most that were ready at once. */
  peak: (): number => peak,
  /** Gets a line for each coming and going. */
  reportTo(listener: (line: string) => void): void {
    report = listener;
  },
};
