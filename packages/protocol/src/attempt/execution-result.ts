/** What one execution of a call came to, wherever it was executed. */

/** Frames are packed codec frames: values and errors that the caller decodes. */
export type ExecutionResult =
  | { readonly kind: 'returned'; readonly frame: Uint8Array }
  | {
      readonly kind: 'threw';
      /** The encoded error. */
      readonly frame: Uint8Array;
      /** False after a `NonRetryableError` and for errors that no retry can cure. */
      readonly retryable: boolean;
      /** What the function's own backoff says; absent when it has none. */
      readonly retryDelayMs?: number | undefined;
      readonly errorName: string;
      readonly errorMessage: string;
    }
  /** It ran into `timeoutMs`; nothing of it runs any more. */
  | { readonly kind: 'timeout'; readonly timeoutMs: number }
  | { readonly kind: 'cancelled'; readonly reason: string }
  /** The executor ended by itself, or somebody else killed it (`byOutsider`: the call is suspected, not guilty). */
  | {
      readonly kind: 'crashed';
      readonly exitCode: number | null;
      readonly signal: string | null;
      /** The last 4 KB that it wrote to stderr. */
      readonly stderr: string;
      /** What nothing caught, in one line; absent when it ended in another way. */
      readonly fault?: string;
      readonly byOutsider: boolean;
    }
  | { readonly kind: 'memory'; readonly limitBytes: number | null; readonly usedBytes: number | null }
  /** What an earlier call left behind ended this executor. Not this call's fault: run it again free of charge. */
  | { readonly kind: 'late-fault'; readonly message: string; readonly started: boolean }
  /** What the executor had loaded is out of date; it is gone, and nothing of the call has run. */
  | { readonly kind: 'stale'; readonly message: string }
  /** No executor could be started. `message` says why: the import error of a module, mostly. It has not begun. */
  | { readonly kind: 'boot-failed'; readonly message: string }
  /** Killed on request, without waiting for anything. */
  | { readonly kind: 'abandoned'; readonly started: boolean };
