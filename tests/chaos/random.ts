/** Seeded random numbers: the same seed, the same schedule of faults. */
export interface Random {
  /** From 0 to 1. */
  next(): number;
  /** A whole number from `from` up to, and without, `to`. */
  between(from: number, to: number): number;
  pick<T>(items: readonly T[]): T;
}

/** mulberry32 */
export const seeded = (seed: number): Random => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from));
  return { next, between, pick: (items) => items[between(0, items.length)] as (typeof items)[number] };
};

/** FLAME_SEED, or a new one each run; printed with every verdict. */
export const runSeed = (): number => Number(process.env.FLAME_SEED ?? Math.floor(Math.random() * 2 ** 31));
