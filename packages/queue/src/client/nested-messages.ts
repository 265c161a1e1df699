/** What an executor asks of its runner, and what it is told: codec frames, both ways. */
import type { Outcome } from '@flamejs/protocol/outcome';
import type { ResolvedCallOptions } from '../types.ts';

/** Requests and replies carry payloads that were checked against their own limits before. */
export const NESTED_LIMIT = { limit: 2 ** 31 };

export type DataOptions = Omit<ResolvedCallOptions, 'signal'>;

export type NestedRequest =
  | {
      readonly op: 'call' | 'cast';
      readonly pool: string;
      readonly id: string;
      readonly fn: string;
      readonly payload: Uint8Array;
      readonly size: number;
      readonly options: DataOptions;
    }
  | {
      readonly op: 'result';
      readonly pool: string;
      readonly id: string;
      readonly timeoutMs: number | undefined;
      /** Names this wait, so that it can be given up. */
      readonly wait: string;
    }
  /** Gives a `result` up. */
  | { readonly op: 'leave'; readonly pool: string; readonly id: string; readonly wait: string }
  | { readonly op: 'status'; readonly pool: string; readonly id: string }
  | { readonly op: 'retry'; readonly pool: string; readonly id: string }
  | { readonly op: 'cancel'; readonly pool: string; readonly id: string; readonly reason: string };

export type NestedReply =
  | { readonly kind: 'outcome'; readonly generation: number; readonly head: Outcome['head']; readonly body: Uint8Array }
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'error'; readonly error: unknown };
