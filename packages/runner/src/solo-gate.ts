/**
 * Lets a call run alone: one that has lost several runners may have killed them, and must not ruin its neighbours. It
 * waits for the others to end; meanwhile nobody else gets in.
 */

export interface Pass {
  /** Resolves when the call may run. */
  readonly admitted: Promise<void>;
  /** It has ended, or no longer wants to. Idempotent. */
  leave(): void;
}

export interface SoloGate {
  /** For an ordinary call; `undefined` when one runs alone or waits to: then this call belongs elsewhere. */
  enter(): Pass | undefined;
  enterAlone(): Pass;
}

/** @param onClosed told when ordinary calls are no longer let in, and when they are again */
export const createSoloGate = (onClosed: (closed: boolean) => void): SoloGate => {
  let inside = 0;
  let alone = 0;
  const waiting: { readonly admit: () => void }[] = [];

  const advance = (): void => {
    if (inside > 0) return;
    const next = waiting.shift();
    if (next === undefined) return;
    inside = 1;
    next.admit();
  };

  const once = (fn: () => void): (() => void) => {
    let done = false;
    return () => {
      if (done) return;
      done = true;
      fn();
    };
  };

  const left = (): void => {
    inside -= 1;
    advance();
  };

  return {
    enter() {
      if (alone > 0) return undefined;
      inside += 1;
      return { admitted: Promise.resolve(), leave: once(left) };
    },
    enterAlone() {
      alone += 1;
      if (alone === 1) onClosed(true);
      let admit: () => void = () => {};
      const admitted = new Promise<void>((resolve) => {
        admit = resolve;
      });
      const entry = { admit };
      waiting.push(entry);
      advance();
      const leave = (): void => {
        const at = waiting.indexOf(entry);
        if (at === -1) inside -= 1;
        else waiting.splice(at, 1);
        alone -= 1;
        if (alone === 0) onClosed(false);
        advance();
      };
      return { admitted, leave: once(leave) };
    },
  };
};
