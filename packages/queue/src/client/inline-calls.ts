/** The calls that this process makes and executes itself, beside what the store says of them. */
import type { CallInspection } from '@flamejs/protocol/inspection';
import type { OutcomeHead } from '@flamejs/protocol/verdict';
import type { CallRequest } from './caller.ts';
import { createInlineItems, type InlineItems } from './stream/inline-items.ts';

export interface InlineCall {
  readonly id: string;
  readonly request: CallRequest;
  /** What the store says of it now. */
  see(): CallInspection;
  /** What its generation yields; `undefined` for a call that is awaited for one value. */
  items: { readonly generation: number; readonly stream: InlineItems } | undefined;
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

/** @returns the items of this generation, which begins without any; `undefined` for a call that is awaited for one value */
export const itemsOf = ({ pool, kind, stream }: CallRequest, generation: number): InlineCall['items'] =>
  stream === undefined ? undefined : { generation, stream: createInlineItems(pool, kind === 'call', stream.resumable) };
