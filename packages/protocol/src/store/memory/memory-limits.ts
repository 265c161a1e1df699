/**
 * Limits in memory: the same places and turns as in Redis. A key of a limit is a gate; a call comes through all of its gates or through
 * none, and is held before the one that refuses it.
 */
import type { Held } from '../../inspection.ts';
import { parseWords, type Rate } from '../../limits.ts';
import { parseObject } from '../../stored.ts';
import type { MemoryCall } from './memory-call.ts';
import { beginAt } from './memory-rate.ts';

export interface MemoryLimits {
  /** @returns whether it has a place under each of its limits, and has taken its tokens; if not, it is held from now on */
  enter(call: MemoryCall): boolean;
  /** The first calls that are held before the gates of this one and wait for a token, and when each comes; epoch ms. */
  due(call: MemoryCall): readonly { readonly call: MemoryCall; readonly at: number }[];
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
  /** When calls have begun, in the last window of its rate. */
  readonly starts: number[];
}

interface Limit {
  readonly gate: string;
  readonly most: number;
  readonly rate: Rate | undefined;
}

/** Gates that are kept for their last beginnings alone are looked through when there are more. */
const MOST_GATES = 1_000;

/** @param now epoch ms */
export const createMemoryLimits = (now: () => number): MemoryLimits => {
  const gates = new Map<string, Gate>();
  const limits = new WeakMap<MemoryCall, readonly Limit[]>();
  let turns = 0;

  const limitsOf = (call: MemoryCall): readonly Limit[] => {
    const known = limits.get(call) ?? readLimits(call.accepted.limits);
    limits.set(call, known);
    return known;
  };

  const gateOf = (name: string): Gate => {
    const known = gates.get(name) ?? { places: new Set(), held: [], starts: [] };
    gates.set(name, known);
    return known;
  };

  const tokenAt = ({ gate, rate }: Limit): number =>
    rate === undefined ? 0 : beginAt(gateOf(gate).starts, rate, now());

  /** @param begins whether it takes its tokens too @returns the gate that refuses it */
  const tryEnter = (call: MemoryCall, isNext: boolean, begins: boolean): string | undefined => {
    const own = limitsOf(call);
    const { id } = call.accepted;
    for (const limit of own) {
      const { places, held } = gateOf(limit.gate);
      const isFirst = isNext || held.length === 0 || held[0]?.call === call;
      if (!places.has(id) && (places.size >= limit.most || !isFirst)) return limit.gate;
      if (tokenAt(limit) > now()) return limit.gate;
    }
    for (const { gate, rate } of own) {
      gateOf(gate).places.add(id);
      if (begins && rate !== undefined) gateOf(gate).starts.push(now());
    }
    return undefined;
  };

  const unhold = (call: MemoryCall): void => {
    for (const { gate } of limitsOf(call)) {
      const { held } = gateOf(gate);
      const at = held.findIndex((waiting) => waiting.call === call);
      if (at >= 0) held.splice(at, 1);
    }
  };

  const hold = (gate: string, waiting: Waiting): void => {
    const { held } = gateOf(gate);
    const at = held.findIndex((other) => compare(waiting, other) < 0);
    held.splice(at < 0 ? held.length : at, 0, waiting);
  };

  const admit = (limit: Limit): readonly MemoryCall[] => {
    const { gate, most } = limit;
    const { places, held, starts } = gateOf(gate);
    const admitted: MemoryCall[] = [];
    while (places.size < most && tokenAt(limit) <= now()) {
      const next = held.shift();
      if (next === undefined) break;
      const refusing = tryEnter(next.call, true, false);
      if (refusing === undefined) admitted.push(next.call);
      else hold(refusing, next);
    }
    if (places.size === 0 && held.length === 0 && starts.length === 0) gates.delete(gate);
    if (gates.size > MOST_GATES) forgetQuiet();
    return admitted;
  };

  const forgetQuiet = (): void => {
    for (const [name, { places, held, starts }] of gates)
      if (places.size + held.length === 0 && (starts.at(-1) ?? 0) < now() - LONGEST_MS) gates.delete(name);
  };

  return {
    enter(call) {
      if (call.accepted.limits === '') return true;
      const refusing = tryEnter(call, false, true);
      unhold(call);
      if (refusing === undefined) return true;
      turns += 1;
      const isNew = call.attempt - call.attemptsBefore - call.handedBack <= 0;
      hold(refusing, { call, isNew, turn: turns });
      return false;
    },
    due(call) {
      if (call.accepted.limits === '') return [];
      return limitsOf(call).flatMap((limit) => {
        const { held, places } = gateOf(limit.gate);
        const first = held[0]?.call;
        if (first === undefined || limit.rate === undefined) return [];
        return places.size < limit.most || places.has(first.accepted.id) ? [{ call: first, at: tokenAt(limit) }] : [];
      });
    },
    leave(call) {
      if (call.accepted.limits === '') return [];
      unhold(call);
      return limitsOf(call).flatMap((limit) => {
        gateOf(limit.gate).places.delete(call.accepted.id);
        return admit(limit);
      });
    },
    heldBy(call) {
      if (call.accepted.limits === '') return undefined;
      for (const [at, limit] of limitsOf(call).entries()) {
        const { most, rate } = limit;
        const { places, held } = gateOf(limit.gate);
        const before = held.findIndex((waiting) => waiting.call === call);
        if (before < 0) continue;
        const { words } = parseWords(textOf(call.accepted.limits, 'keys'));
        const told = { words: words[at] ?? { label: '?' }, at, sealed: undefined, most, taken: places.size };
        const next = tokenAt(limit);
        const more = {
          setBy: undefined,
          moving: places.size,
          stuck: [],
          rate,
          tokenAt: next > now() ? next : undefined,
        };
        return { held: { ...told, ...more }, before };
      }
      return undefined;
    },
  };
};

const textOf = (limits: string, field: 'gates' | 'keys'): string => String(parseObject(limits)?.[field] ?? '');

/** Of what `describeLimits` has written. */
const readLimits = (text: string): readonly Limit[] => {
  const declared = (parseObject(text)?.declared ?? []) as readonly (readonly [string, number | '', string, string])[];
  return textOf(text, 'gates')
    .split(' ')
    .filter(Boolean)
    .map((gate) => {
      const [, most = '', , rate = ''] = declared.find(([limit]) => gate.startsWith(`${limit}.`)) ?? [];
      const [calls = 0, perMs = 0, smooth = 0] = rate.split(' ').map(Number);
      const read = rate === '' ? undefined : { calls, perMs, smooth: smooth === 1 };
      return { gate, most: most === '' ? Number.POSITIVE_INFINITY : most, rate: read };
    });
};

const compare = (a: Waiting, b: Waiting): number =>
  a.call.accepted.priority - b.call.accepted.priority || Number(a.isNew) - Number(b.isNew) || a.turn - b.turn;

/** No rate has a longer window. */
const LONGEST_MS = 30 * 86_400_000;
