/** The executor's end of the channel to its runner. */
import type { FromExecutor, OutputMarks, ToExecutor } from '../messages.ts';

export interface Port {
  post(message: FromExecutor): void;
  /** Tells that this call begins. */
  started(seq: number): void;
  onMessage(listener: (message: ToExecutor) => void): void;
  /** Undoes what user code may have done to the channel. Cheap: it runs after each call. */
  restore(): void;
  /** How much was written to stdout and stderr so far. */
  marks(): OutputMarks | undefined;
}
