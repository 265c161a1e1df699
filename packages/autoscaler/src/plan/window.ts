/**
 * The stabilization window for scaling down: the largest wish within it counts, so that a short lull ends nobody. Pure.
 */

export interface WishWindow {
  readonly current: number;
  /** Earlier wishes and until when they held: ascending times, strictly descending wishes; others can never be the maximum. */
  readonly earlier: readonly { readonly desired: number; readonly until: number }[];
  readonly since: number | null;
}

export const EMPTY_WINDOW: WishWindow = { current: 0, earlier: [], since: null };

/** @param keepMs the longest window that will be asked for */
export const noteWish = (window: WishWindow, now: number, desired: number, keepMs: number): WishWindow => {
  if (window.since === null) return { current: desired, earlier: [], since: now };
  const earlier = window.earlier.filter((wish) => wish.until > now - keepMs && wish.desired > window.current);
  return { current: desired, earlier: [...earlier, { desired: window.current, until: now }], since: window.since };
};

/** @returns the largest wish of the last `ms`, or infinity when the window does not reach that far back yet. */
export const largestWish = (window: WishWindow, now: number, ms: number): number => {
  if (window.since === null || now - window.since < ms) return Number.POSITIVE_INFINITY;
  return Math.max(
    window.current,
    ...window.earlier.filter((wish) => wish.until > now - ms).map((wish) => wish.desired),
  );
};
