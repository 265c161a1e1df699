/** Where a reader's items come from: Redis, the runner of a function that reads, or this process. */

export type Pulled =
  /** Packed items that follow each other. */
  | { readonly kind: 'items'; readonly first: number; readonly frames: readonly Uint8Array[] }
  /** Nothing follows. `total` is what was yielded in all; `undefined` when it did not come to its end. */
  | { readonly kind: 'end'; readonly total: number | undefined };

export interface ItemFeed {
  /** Resolves when there are items from this index on, or there will be none. One at a time. */
  pull(from: number): Promise<Pulled>;
  /** Everything before this index is done with: there is room for more. */
  taken(index: number): void;
  /** The call has ended. @param ok with a value */
  settled(ok: boolean): void;
  /** Nothing more is read. @param done because everything was */
  close(done: boolean): void;
}
