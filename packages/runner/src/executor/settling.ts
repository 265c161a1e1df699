/** Between the result of a call and the next call: what it has opened may have to go first. */
import type { FromExecutor } from './messages.ts';

export interface Settling {
  /** A call is over whose executor will say what is left. */
  begin(seq: number, functionName: string): void;
  /** @returns whether nothing is left, so that the next call may come. */
  onMessage(message: Extract<FromExecutor, { t: 'clean' | 'left' }>): boolean;
  stop(): void;
}

/** For an executor to say it; it waits a tenth of that itself. */
const PATIENCE_MS = 1_000;

/** @param onLeft what a call has left does not go: its executor is of no more use */
export const createSettling = (onLeft: (functionName: string, what: string) => void): Settling => {
  let current: { readonly seq: number; readonly functionName: string } | undefined;
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    clearTimeout(timer);
    current = undefined;
  };
  return {
    begin: (seq, functionName) => {
      current = { seq, functionName };
      timer = setTimeout(() => onLeft(functionName, 'what it does not say, for it does not answer'), PATIENCE_MS);
    },
    onMessage: (message) => {
      if (message.seq !== current?.seq) return false;
      const { functionName } = current;
      stop();
      if (message.t === 'left') onLeft(functionName, message.what);
      return message.t === 'clean';
    },
    stop,
  };
};
