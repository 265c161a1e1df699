/** The one number that a platform is told. Pure. */
import type { Target } from '../plan/plan.ts';

export interface NumberInput {
  readonly target: Target;
  readonly min: number;
  readonly max: number;
  /** What was told last; `null` when nobody knows. */
  readonly before: number | null;
  /** Runners that have registered and answer. */
  readonly registered: number;
  /** Of these, how many must not go yet. */
  readonly held: number;
  /** An operator's hold on one direction. */
  readonly allowOut: boolean;
  readonly allowIn: boolean;
}

/**
 * @returns at least what the policy wants now and wanted within the scale-down window, and as many as are held; never above `max`.
 *   While that window is not known yet it falls below neither what was told before nor, when nobody knows that, what is there.
 */
export const platformNumber = (input: NumberInput): number => {
  const { target, min, max, before, registered, held } = input;
  const known = before ?? registered;
  const floor = Number.isFinite(target.floor) ? target.floor : known;
  const bottom = Math.max(target.wanted, floor, held, input.allowIn ? 0 : known);
  const wanted = input.allowOut ? bottom : Math.min(bottom, known);
  return Math.min(max, Math.max(min, wanted));
};
