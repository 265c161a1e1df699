/** Limits in inline mode: the same places and turns, in memory. */
import { gatesOf, type LimitWords, wordsOf } from '@flamejs/protocol/limits';
import type { InlineCall } from './inline-store.ts';

export interface InlineLimits {
  /** Resolves when the call has a place under each of its limits, or its run has ended. Calls that have run before go before others. */
  enter(call: InlineCall): Promise<void>;
  /** Gives its places up, and lets the next ones in. */
  leave(call: InlineCall): void;
  /** What holds a call; `undefined` for one that nothing holds. */
  heldBy(call: InlineCall): HeldInline | undefined;
}

export interface HeldInline {
  readonly words: LimitWords;
  readonly most: number;
  readonly taken: number;
  readonly before: number;
}

interface Waiting {
  readonly call: InlineCall;
  readonly priority: number;
  readonly isNew: boolean;
  readonly number: number;
  readonly begin: () => void;
}

interface Gate {
  readonly places: Set<string>;
  /** In the order of their turns. */
  readonly held: Waiting[];
}

export const createInlineLimits = (): InlineLimits => {
  const gates = new Map<string, Gate>();
  let numbers = 0;

  const gateOf = (name: string): Gate => {
    const known = gates.get(name) ?? { places: new Set(), held: [] };
    gates.set(name, known);
    return known;
  };

  const limitsOf = ({
    request,
  }: InlineCall): readonly { readonly name: string; readonly most: number; readonly words: LimitWords }[] => {
    const { functionName, limits = [], pool } = request;
    const words = wordsOf(functionName, limits);
    return limits.map((limit, at) => ({
      name: `${pool.name}/${gatesOf(functionName, [limit])[0]}`,
      most: limit.concurrency,
      words: words[at] ?? { label: functionName },
    }));
  };

  /** @returns the gate that refuses it; nothing when it has a place in all of them */
  const tryEnter = (call: InlineCall, isNext: boolean): string | undefined => {
    const limits = limitsOf(call);
    for (const { name, most } of limits) {
      const { places, held } = gateOf(name);
      if (places.has(call.id)) continue;
      if (places.size >= most || (!isNext && held.length > 0)) return name;
    }
    for (const { name } of limits) gateOf(name).places.add(call.id);
    return undefined;
  };

  const hold = (name: string, waiting: Waiting): void => {
    const { held } = gateOf(name);
    const at = held.findIndex((other) => compare(waiting, other) < 0);
    held.splice(at < 0 ? held.length : at, 0, waiting);
  };

  const admit = (name: string, most: number): void => {
    const { places, held } = gateOf(name);
    while (places.size < most) {
      const next = held.shift();
      if (next === undefined) break;
      const refusing = tryEnter(next.call, true);
      if (refusing === undefined) next.begin();
      else hold(refusing, next);
    }
    if (places.size === 0 && held.length === 0) gates.delete(name);
  };

  return {
    enter(call) {
      const refusing = tryEnter(call, false);
      if (refusing === undefined) return Promise.resolve();
      const { run, request } = call;
      return new Promise((resolve) => {
        const give = (): void => {
          for (const { name } of limitsOf(call)) {
            const held = gateOf(name).held;
            const at = held.indexOf(waiting);
            if (at >= 0) held.splice(at, 1);
          }
          resolve();
        };
        const waiting: Waiting = {
          call,
          priority: request.options.priority,
          isNew: run.attempts === 0,
          number: numbers,
          begin() {
            run.abort.signal.removeEventListener('abort', give);
            resolve();
          },
        };
        numbers += 1;
        hold(refusing, waiting);
        run.abort.signal.addEventListener('abort', give, { once: true });
      });
    },
    leave(call) {
      for (const { name, most } of limitsOf(call)) if (gateOf(name).places.delete(call.id)) admit(name, most);
    },
    heldBy(call) {
      for (const { name, most, words } of limitsOf(call)) {
        const { places, held } = gates.get(name) ?? { places: new Set(), held: [] };
        const before = held.findIndex((waiting) => waiting.call === call);
        if (before >= 0) return { words, most, taken: places.size, before };
      }
      return undefined;
    },
  };
};

const compare = (a: Waiting, b: Waiting): number =>
  a.priority - b.priority || Number(a.isNew) - Number(b.isNew) || a.number - b.number;
