/**
 * Between a controller and everything outside it. Each await of the loop passes here, so that a controller can die or
 * freeze at any of them, before or after the effect, and a store can be out of reach.
 */

export interface Gate {
  /** Wraps every async function of an object. */
  wrap<T extends object>(target: T): T;
  /** The controller dies at its nth operation from now: nothing that it awaits ever comes back. */
  dieAt(operation: number, when: 'before' | 'after'): void;
  /** Whatever death was planned is called off. */
  spare(): void;
  readonly dead: boolean;
  freeze(): void;
  thaw(): void;
  /** While set, operations named here fail, as when Redis cannot be reached. */
  failing: boolean;
}

const NEVER = new Promise<never>(() => {});

export const createGate = (): Gate => {
  let dieIn: { left: number; readonly when: 'before' | 'after' } | null = null;
  let dead = false;
  let frozen: Promise<void> | null = null;
  let release = (): void => {};

  const pass = async (effect: () => Promise<unknown>, canFail: boolean): Promise<unknown> => {
    if (dead) return NEVER;
    if (frozen !== null) await frozen;
    if (dead) return NEVER;
    const dying = dieIn !== null && dieIn.left-- <= 0 ? dieIn.when : null;
    if (dying !== null) dead = true;
    if (dying === 'before') return NEVER;
    if (gate.failing && canFail) throw new Error('model: Redis cannot be reached');
    const result = await effect();
    if (dying === 'after') return NEVER;
    if (frozen !== null) await frozen;
    return dead ? NEVER : result;
  };

  const gate: Gate = {
    wrap<T extends object>(target: T): T {
      const canFail = 'intents' in target;
      return new Proxy(target, {
        get: (object, name, receiver) => {
          const value: unknown = Reflect.get(object, name, receiver);
          if (typeof value !== 'function' || name === 'close') return value;
          return (...args: unknown[]) => pass(() => Reflect.apply(value, object, args) as Promise<unknown>, canFail);
        },
      });
    },
    dieAt(operation, when) {
      dieIn = { left: operation, when };
    },
    spare() {
      dieIn = null;
    },
    get dead() {
      return dead;
    },
    freeze() {
      if (frozen !== null) return;
      frozen = new Promise((resolve) => {
        release = () => {
          frozen = null;
          resolve();
        };
      });
    },
    thaw: () => release(),
    failing: false,
  };
  return gate;
};
