/** The context of code that no call runs: there is none, unless a testing kit makes one. */
import type { CallContext } from '../context.ts';

const PLACE = Symbol.for('@flamejs/direct-context');
const holder = globalThis as { [PLACE]?: () => CallContext };

export const directContext = (): CallContext | undefined => holder[PLACE]?.();

export const setDirectContext = (make: () => CallContext): void => {
  holder[PLACE] = make;
};
