/**
 * Whose the time of this machine is: each moment is split evenly over the calls that execute in it, and what has none is idle,
 * or draining. On the monotonic clock, from when the runner is ready.
 */

export interface TimeTotals {
  readonly busyMs: number;
  readonly idleMs: number;
  readonly drainMs: number;
}

export interface MachineTime {
  begin(callId: string, functionName: string): void;
  end(callId: string): void;
  /** From here on time without calls is the drain's. @param draining whether it drains, or is back */
  drains(draining: boolean): void;
  /** So far, up to now. */
  totals(): TimeTotals;
}

export interface MachineTimeOptions {
  /** Hears of every share as it is dealt out. */
  readonly onShare: (functionName: string, ms: number) => void;
  /** Machine time of one call, told when it has come to a second and when the rest of such a call ends. */
  readonly onCall: (callId: string, ms: number) => void;
  readonly now?: () => number;
}

/** Less than this is not written down for a call of its own: writing it would cost more than it tells. */
export const LEAST_CALL_MS = 1_000;

export const createMachineTime = ({
  onShare,
  onCall,
  now = () => performance.now(),
}: MachineTimeOptions): MachineTime => {
  const running = new Map<string, { readonly functionName: string; told: boolean; untoldMs: number }>();
  let since = now();
  let draining = false;
  const totals = { busyMs: 0, idleMs: 0, drainMs: 0 };

  const deal = (): void => {
    const at = now();
    const ms = Math.max(0, at - since);
    since = at;
    if (ms === 0) return;
    if (running.size === 0) {
      totals[draining ? 'drainMs' : 'idleMs'] += ms;
      return;
    }
    totals.busyMs += ms;
    const share = ms / running.size;
    for (const [callId, call] of running) {
      onShare(call.functionName, share);
      call.untoldMs += share;
      if (call.untoldMs >= LEAST_CALL_MS) tell(callId, call);
    }
  };

  const tell = (callId: string, call: { told: boolean; untoldMs: number }): void => {
    onCall(callId, call.untoldMs);
    call.untoldMs = 0;
    call.told = true;
  };

  return {
    begin(callId, functionName) {
      deal();
      running.set(callId, { functionName, told: false, untoldMs: 0 });
    },
    end(callId) {
      deal();
      const call = running.get(callId);
      if (call?.told && call.untoldMs > 0) tell(callId, call);
      running.delete(callId);
    },
    drains(now) {
      deal();
      draining = now;
    },
    totals() {
      deal();
      return { ...totals };
    },
  };
};
