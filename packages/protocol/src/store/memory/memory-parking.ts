/** Calls that wait for a runner of their release, and what releases are known to lack. They stand among the delayed ones meanwhile. */
import type { ParkVerdict } from '../../verdict.ts';
import type { MemoryCall } from './memory-call.ts';

export interface MemoryParking {
  park(call: MemoryCall, verdict: ParkVerdict, now: number): void;
  leave(call: MemoryCall): void;
  /** @returns the call that has waited for longest of those that a runner of this release takes, or may take */
  takeFor(release: string, calls: ReadonlyMap<string, MemoryCall>): string | undefined;
}

export const createMemoryParking = (): MemoryParking => {
  const parked = new Set<string>();
  /** Releases that have no such function, or another one of its name. */
  const lacking = new Map<string, Set<string>>();
  return {
    park(call, { wanted, found, why }, at) {
      const { id, name } = call.accepted;
      call.parked = { wanted, found, why, at };
      parked.add(id);
      if (why !== 'strict') lacking.set(name, (lacking.get(name) ?? new Set()).add(found));
    },
    leave(call) {
      call.parked = undefined;
      parked.delete(call.accepted.id);
    },
    takeFor(release, calls) {
      const waiting = [...parked].flatMap((id) => calls.get(id) ?? []);
      const own = waiting.find((call) => call.parked?.wanted === release);
      const other = waiting.find(
        (call) => call.parked?.why !== 'strict' && lacking.get(call.accepted.name)?.has(release) !== true,
      );
      const id = (own ?? other)?.accepted.id;
      // It is offered once: until it is picked up it stands at the head of the queue.
      if (id !== undefined) parked.delete(id);
      return id;
    },
  };
};
