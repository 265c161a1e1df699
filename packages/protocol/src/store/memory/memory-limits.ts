/**
 * Limits in memory: the same places and turns as in Redis. A key of a limit is a gate; a call comes through all of its gates or through
 * none, and is held before the one that refuses it.
 */
import type { Held } from '../../inspection.ts';
import { parseWords } from '../../limits.ts';
import { parseObject } from '../../stored.ts';
import type { MemoryCall } from './memory-call.ts';

export interface MemoryLimits {
  /** @returns whether it has a place under each of its limits; if not, it is held from now on */
  enter(call: MemoryCall): boolean;
  /** It gives its places up, or no longer waits for one. @returns the calls that have one now, in their turn */
  leave(call: MemoryCall): readonly MemoryCall[];
  /** What holds it, and how many are before it; `undefined` for a call that nothing holds. */
  heldBy(call: MemoryCall): { readonly held: Held; readonly before: number } | undefined;
}

interface Waiting {
  readonly call: MemoryCall;
  readonly isNew: boolean;
  readonly turn: number;
}

interface Gate {
  readonly places: Set<string>;
  /** In the order of their turns. */
  readonly held: Waiting[];
}

interface Limit {
  readonly gate: string;
  readonly most: number;
}

export const createMemoryLimits = (): MemoryLimits => {
  const gates = new Map<string, Gate>();
  const limits = new WeakMap<MemoryCall, readonly Limit[]>();
  let turns = 0;

  const limitsOf = (call: MemoryCall): readonly Limit[] => {
    const known = limits.get(call) ?? readLimits(call.accepted.limits);
    limits.set(call, known);
    return known;
  };

  const gateOf = (name: string): Gate => {
    const known = gates.get(name) ?? { places: new Set(), held: [] };
    gates.set(name, known);
    return known;
  };

  /** @returns the gate that refuses it */
  const tryEnter = (call: MemoryCall, isNext: boolean): string | undefined => {
    const own = limitsOf(call);
    const { id } = call.accepted;
    for (const { gate, most } of own) {
      const { places, held } = gateOf(gate);
      if (places.has(id)) continue;
      if (places.size >= most || (!isNext && held.length > 0)) return gate;
    }
    for (const { gate } of own) gateOf(gate).places.add(id);
    return undefined;
  };

  const hold = (gate: string, waiting: Waiting): void => {
    const { held } = gateOf(gate);
    const at = held.findIndex((other) => compare(waiting, other) < 0);
    held.splice(at < 0 ? held.length : at, 0, waiting);
  };

  const admit = ({ gate, most }: Limit): readonly MemoryCall[] => {
    const { places, held } = gateOf(gate);
    const admitted: MemoryCall[] = [];
    while (places.size < most) {
      const next = held.shift();
      if (next === undefined) break;
      const refusing = tryEnter(next.call, true);
      if (refusing === undefined) admitted.push(next.call);
      else hold(refusing, next);
    }
    if (places.size === 0 && held.length === 0) gates.delete(gate);
    return admitted;
  };

  return {
    enter(call) {
      if (call.accepted.limits === '') return true;
      const refusing = tryEnter(call, false);
      if (refusing === undefined) return true;
      turns += 1;
      const isNew = call.attempt - call.attemptsBefore - call.handedBack <= 0;
      hold(refusing, { call, isNew, turn: turns });
      return false;
    },
    leave(call) {
      if (call.accepted.limits === '') return [];
      return limitsOf(call).flatMap((limit) => {
        const { places, held } = gateOf(limit.gate);
        const at = held.findIndex((waiting) => waiting.call === call);
        if (at >= 0) held.splice(at, 1);
        places.delete(call.accepted.id);
        return admit(limit);
      });
    },
    heldBy(call) {
      if (call.accepted.limits === '') return undefined;
      for (const [at, { gate, most }] of limitsOf(call).entries()) {
        const { places, held } = gates.get(gate) ?? { places: new Set(), held: [] };
        const before = held.findIndex((waiting) => waiting.call === call);
        if (before < 0) continue;
        const { words } = parseWords(textOf(call.accepted.limits, 'keys'));
        const told = { words: words[at] ?? { label: '?' }, at, sealed: undefined, most, taken: places.size };
        return { held: { ...told, setBy: undefined, moving: places.size, stuck: [] }, before };
      }
      return undefined;
    },
  };
};

const textOf = (limits: string, field: 'gates' | 'keys'): string => String(parseObject(limits)?.[field] ?? '');

/** Of what `describeLimits` has written. */
const readLimits = (text: string): readonly Limit[] => {
  const declared = (parseObject(text)?.declared ?? []) as readonly (readonly [string, number, string])[];
  return textOf(text, 'gates')
    .split(' ')
    .filter(Boolean)
    .map((gate) => {
      const most = declared.find(([limit]) => gate.startsWith(`${limit}.`))?.[1];
      return { gate, most: most ?? Number.POSITIVE_INFINITY };
    });
};

const compare = (a: Waiting, b: Waiting): number =>
  a.call.accepted.priority - b.call.accepted.priority || Number(a.isNew) - Number(b.isNew) || a.turn - b.turn;
