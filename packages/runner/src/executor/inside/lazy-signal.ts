/** A signal that is made when somebody asks for it: few functions do, and an event target is not cheap. */

export interface LazySignal {
  readonly signal: AbortSignal;
  /** The first reason stands. */
  abort(reason: Error): void;
}

export const createLazySignal = (): LazySignal => {
  let controller: AbortController | undefined;
  let aborted: Error | undefined;
  return {
    get signal() {
      if (controller === undefined) {
        controller = new AbortController();
        if (aborted !== undefined) controller.abort(aborted);
      }
      return controller.signal;
    },
    abort(reason) {
      if (aborted !== undefined) return;
      aborted = reason;
      controller?.abort(reason);
    },
  };
};
