/** What a process and a thread have in common, seen from the runner: something that takes messages and can be ended. */
import type { ToExecutor } from './messages.ts';
import type { ReadStart } from './start-mark.ts';
import type { OutputStream } from './types.ts';

/** How an executor ended. */
export interface LinkEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The runner's own doing: `kill` was called before it ended. */
  readonly killed: boolean;
  /** V8 gave up for want of heap, as far as the link can tell; a process says it on stderr instead. */
  readonly heapExhausted: boolean;
  /** Why it could not be started at all, or what broke its thread. */
  readonly error: string | undefined;
}

export interface LinkEvents {
  onMessage(message: unknown): void;
  onOutput(stream: OutputStream, chunk: Uint8Array): void;
  /** Once: it is dead, so is what it started, and its output has been delivered. */
  onEnd(end: LinkEnd): void;
}

export interface Link {
  readonly pid: number | undefined;
  /** Milliseconds since it has begun this call, `undefined` when it has not. Readable until `onEnd` returns. */
  readonly startedAgo: ReadStart;
  send(message: ToExecutor): void;
  /** Ends it at once, whatever it does, with everything it started. Idempotent. */
  kill(): void;
}

/** Starts an executor. `mark` is unique for it; `tempDir` is its own, and does not exist yet. Never throws: what goes wrong arrives as an end. */
export type OpenLink = (mark: string, tempDir: string, events: LinkEvents) => Link;
