/** Calls that a function makes: they leave as bytes, and the runner answers them. */
import type { NestedTransport } from '@flamejs/queue/internal';
import type { ToExecutor } from '../messages.ts';
import type { Port } from './port.ts';

export interface Nested {
  readonly request: NestedTransport;
  onReply(message: Extract<ToExecutor, { t: 'reply' }>): void;
  /** The call is over: its open requests get no answer any more. */
  forget(): void;
}

interface Open {
  resolve(bytes: Uint8Array): void;
  reject(error: Error): void;
}

/** @param running the number of the call that asks, `undefined` when it is over. */
export const createNested = (port: Port, running: () => number | undefined): Nested => {
  const open = new Map<number, Open>();
  let last = 0;
  return {
    request: (bytes) => {
      const seq = running();
      if (seq === undefined)
        return Promise.reject(new Error('The call that asks has ended; await nested calls before returning.'));
      last += 1;
      const id = last;
      return new Promise((resolve, reject) => {
        open.set(id, { resolve, reject });
        port.post({ t: 'nested', seq, id, bytes });
      });
    },
    onReply: ({ id, bytes, error }) => {
      const request = open.get(id);
      open.delete(id);
      if (bytes !== undefined) request?.resolve(bytes);
      else request?.reject(new Error(error ?? 'The runner gave no answer.'));
    },
    // Left unsettled on purpose: a rejection that nobody awaits any more would count as a late fault.
    forget: () => open.clear(),
  };
};
