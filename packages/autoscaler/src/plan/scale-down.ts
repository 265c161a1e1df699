/** Shrinking: who is drained, and when. Nobody is ever killed here. Pure. */
import { isProtected } from '../record/may-terminate.ts';
import type { Action } from './action.ts';
import type { PlanInput, PlannedRunner, Target } from './plan.ts';

export type ScaleDownInput = Pick<
  PlanInput,
  | 'now'
  | 'min'
  | 'max'
  | 'release'
  | 'idleShutdownAfterMs'
  | 'runners'
  | 'external'
  | 'fresh'
  | 'steadyMs'
  | 'allowIn'
  | 'kept'
  | 'hasUnless'
  | 'timing'
>;

export const planScaleDown = (
  runners: readonly PlannedRunner[],
  input: ScaleDownInput,
  target: Target,
  useful: number,
): readonly Action[] => {
  // Unknown is hold: a runner that only seems idle, or a wish that only seems small, ends nobody.
  if (!input.allowIn || !input.fresh.queue || !input.fresh.registry || input.steadyMs < input.timing.steadyMs)
    return [];
  const overMax = Math.max(0, useful - input.external - input.max);
  const proven = input.runners.filter(({ record }) => record.state === 'ready').length + input.external;
  // What still boots may fail, so only what is ready counts as the reason to let another ready one go.
  const spare = Math.min(
    useful - Math.max(target.wanted, target.floor, input.min),
    proven - Math.max(target.wanted, input.min),
  );
  const surplus = Math.max(overMax, spare);
  if (surplus <= 0) return [];
  const longSurplus = useful - Math.max(target.wanted, target.longFloor, input.min);

  const ready = runners.filter(({ record }) => record.state === 'ready' && !isProtected(record, input.now));
  const idle = ready.filter(({ idleMs }) => idleMs !== null).sort(driftedThenLongestIdle(input.release));
  const chosen: Action[] = [];
  for (const runner of idle) {
    if (chosen.length >= surplus) break;
    const idleMs = runner.idleMs ?? 0;
    const over = chosen.length < overMax;
    // By its own record alone: what the ticks saw of its calls may be nothing at all.
    const due = idleMs >= input.idleShutdownAfterMs;
    if (over || (due && !input.kept.has(runner.record.runnerId))) chosen.push(drainIdle(runner, idleMs, over, input));
  }
  if (chosen.length > 0 || idle.length > 0 || alreadyLettingGo(input.runners)) return chosen;
  // Nobody is idle: the load is spread thin. The least active one finishes what it has and takes no more; one at a time.
  const least = ready.filter((runner) => overMax > 0 || isSeasoned(runner, input)).sort(leastActiveFirst)[0];
  if (least === undefined || (overMax === 0 && longSurplus <= 0)) return chosen;
  return [
    {
      kind: 'drain',
      runnerId: least.record.runnerId,
      cause: overMax > 0 ? 'max' : 'scale-down',
      reason: `${useful} runners, ${Math.max(target.wanted, input.min)} wanted: least active (${least.active})`,
      deadlineMs: null,
      askIdleMs: null,
    },
  ];
};

const drainIdle = (runner: PlannedRunner, idleMs: number, overMax: boolean, input: ScaleDownInput): Action => ({
  kind: 'drain',
  runnerId: runner.record.runnerId,
  cause: overMax ? 'max' : 'idle',
  reason: overMax ? `more runners than max ${input.max}` : `idle for ${Math.round(idleMs)} ms`,
  deadlineMs: null,
  askIdleMs: input.hasUnless && !overMax ? idleMs : null,
});

/** A runner that just became ready is spared: the call it was booted for may be about to arrive. */
const isSeasoned = ({ record }: PlannedRunner, { now, idleShutdownAfterMs }: ScaleDownInput): boolean =>
  record.readyAt !== null && now - record.readyAt >= idleShutdownAfterMs;

const alreadyLettingGo = (runners: readonly PlannedRunner[]): boolean =>
  runners.some(({ record }) => record.state === 'draining' && record.drain?.cause === 'scale-down');

const driftedThenLongestIdle =
  (release: string) =>
  (a: PlannedRunner, b: PlannedRunner): number =>
    Number(a.record.release === release) - Number(b.record.release === release) ||
    (b.idleMs ?? 0) - (a.idleMs ?? 0) ||
    byAge(a, b);
const leastActiveFirst = (a: PlannedRunner, b: PlannedRunner): number => a.active - b.active || byAge(a, b);

/** Ties: the oldest goes first; ids make it the same every time. */
const byAge = (a: PlannedRunner, b: PlannedRunner): number =>
  a.record.createdAt - b.record.createdAt || (a.record.runnerId < b.record.runnerId ? -1 : 1);
