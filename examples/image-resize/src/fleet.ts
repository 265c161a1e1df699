/** Who is at work: fed by the pool's hooks, which the autoscaler calls in this process. */
import type { GrowEndInfo, GrowInfo, ShrinkInfo } from '@flamejs/queue';

const requestedAt = new Map<string, number>();
let started = 0;
let peak = 0;
let report: (line: string) => void = () => {};

export const fleet = {
  onGrowStart({ runnerId }: GrowInfo): void {
    requestedAt.set(runnerId, performance.now());
    started += 1;
    peak = Math.max(peak, requestedAt.size);
    report(`  + ${runnerId} starts`);
  },
  onGrowEnd({ runnerId, ok, reason }: GrowEndInfo): void {
    const seconds = (performance.now() - (requestedAt.get(runnerId) ?? performance.now())) / 1_000;
    report(ok ? `  + ${runnerId} is ready after ${seconds.toFixed(1)} s` : `  ! ${runnerId} did not start: ${reason}`);
  },
  onShrink({ runnerId, reason }: ShrinkInfo): void {
    requestedAt.delete(runnerId);
    report(`  - ${runnerId} is gone (${reason})`);
  },
  /** Runners that are not gone. */
  size: (): number => requestedAt.size,
  started: (): number => started,
  peak: (): number => peak,
  /** Gets a line for each coming and going. */
  reportTo(listener: (line: string) => void): void {
    report = listener;
  },
};
