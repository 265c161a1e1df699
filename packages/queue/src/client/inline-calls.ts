/** The calls that this process makes and executes itself, beside what the store says of them. */
import type { CallInspection } from '@flamejs/protocol/inspection';
import type { OutcomeHead } from '@flamejs/protocol/verdict';
import type { CallRequest } from './caller.ts';

export interface InlineCall {
  readonly id: string;
  readonly request: CallRequest;
  /** What the store says of it now. */
  see(): CallInspection;
  /** How its newest generation that has ended did so; it stays here when the store has forgotten it. */
  ended: { readonly generation: number; readonly head: OutcomeHead } | undefined;
  /** Its flame object was closed: nothing of it goes on. */
  isClosed: boolean;
  /** Told whenever a generation of it ends, and when it is closed. */
  readonly listeners: Set<() => void>;
}

/** How the present generation of a call has ended; `undefined` while it has not. */
export const endOf = ({ ended, see }: InlineCall): OutcomeHead | undefined => {
  const { generation } = see();
  return ended === undefined || ended.generation < generation ? undefined : ended.head;
};
