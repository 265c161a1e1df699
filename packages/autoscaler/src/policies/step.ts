/** A policy of thresholds: so many waiting calls, so many runners. */
import { FlameConfigError, type Policy } from '@flamejs/queue';
import { demand } from './demand.ts';

export interface Step {
  /** From this many calls (waiting, due soon or running) on … */
  readonly calls: number;
  /** … so many runners. */
  readonly runners: number;
}

/**
 * The runners of the highest step whose `calls` are reached; 0 below the first.
 * @throws FlameConfigError when a step is not made of whole numbers from 0, or a higher one wants fewer runners.
 */
export const step = (steps: readonly Step[]): Policy => {
  const ordered = [...steps].sort((a, b) => a.calls - b.calls);
  ordered.forEach((each, index) => {
    const before = ordered[index - 1];
    const whole = [each.calls, each.runners].every((n) => Number.isInteger(n) && n >= 0);
    const message = !whole
      ? `calls and runners must be whole numbers from 0, got ${JSON.stringify(each)}`
      : before !== undefined && before.runners > each.runners
        ? `the step at ${each.calls} calls wants fewer runners than the one at ${before.calls}`
        : undefined;
    if (message !== undefined)
      throw new FlameConfigError(`step: ${message}`, { problems: [{ path: 'step', message }] });
  });
  return {
    name: 'step',
    desired(observation) {
      const calls = demand(observation.queue);
      const reached = ordered.filter((each) => each.calls <= calls).at(-1);
      const desired = calls === 0 ? 0 : (reached?.runners ?? 0);
      return { desired, memory: undefined, reasons: [`${calls} calls: ${desired}`] };
    },
  };
};
