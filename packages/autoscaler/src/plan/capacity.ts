/** Remembers that a provider had no room, so that it is not asked again at once. Pure. */
import type { LaunchErrorKind } from '@flamejs/queue';

export interface CapacityGate {
  readonly kind: LaunchErrorKind | null;
  readonly reason: string | null;
  readonly until: number;
  readonly repeats: number;
}

export const OPEN_GATE: CapacityGate = { kind: null, reason: null, until: 0, repeats: 0 };

/** Pause after "no capacity": 3 min, doubling up to 15, for a backend that boots within 5 min; shorter for faster ones. */
export const capacityPause = (bootTimeoutMs: number): { readonly firstMs: number; readonly mostMs: number } => ({
  firstMs: bootTimeoutMs * 0.6,
  mostMs: bootTimeoutMs * 3,
});

export const noCapacity = (
  gate: CapacityGate,
  at: { readonly now: number; readonly kind: LaunchErrorKind; readonly reason: string },
  bootTimeoutMs: number,
): CapacityGate => {
  // Several launches of one tick that meet the same wall are one meeting.
  const repeats = at.now < gate.until ? gate.repeats : gate.repeats + 1;
  const { firstMs, mostMs } = capacityPause(bootTimeoutMs);
  const until = at.now + Math.min(mostMs, firstMs * 2 ** Math.min(repeats - 1, 20));
  return { kind: at.kind, reason: at.reason, until: Math.max(gate.until, until), repeats };
};
