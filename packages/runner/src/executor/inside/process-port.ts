/** The channel of an executor that is a process. It is hidden from user code, which would take it for one of its own. */
import { mkdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { FromExecutor, ToExecutor } from '../messages.ts';
import { startFileOf, writeStartFile } from '../start-mark.ts';
import type { Port } from './port.ts';

/** A pipe's handle, of which Node documents only the effect. */
interface BlockingHandle {
  setBlocking?(blocking: boolean): void;
}

/** @throws Error when this process was not started by a runner. */
export const openProcessPort = (tempDir: string): Port => {
  const send = process.send?.bind(process);
  if (send === undefined) throw new Error('This file is the entry of executors; a runner starts it.');
  // Libraries that find it believe that their own parent has started them. `disconnect` stays: Node itself calls it.
  delete process.send;
  makeBlocking(process.stdout as unknown as Socket);
  makeBlocking(process.stderr as unknown as Socket);
  mkdirSync(tempDir, { recursive: true, mode: 0o700 });
  const writeStart = writeStartFile(startFileOf(tempDir));
  // The callback takes the error of a channel that is closing: then the runner is gone, and the watchdog at work.
  const post = (message: FromExecutor): void => void send(message, undefined, undefined, () => {});
  // What arrives while this package still loads waits for its listener.
  const early: ToExecutor[] = [];
  let deliver = (message: ToExecutor): void => void early.push(message);
  const receive = (message: unknown): void => deliver(message as ToExecutor);
  process.on('message', receive);
  return {
    post,
    started: (seq) => {
      try {
        writeStart(seq);
      } catch {
        // A full disk; the slow way still works.
        post({ t: 'started', seq });
      }
    },
    onMessage: (listener) => {
      deliver = listener;
      for (const message of early.splice(0)) listener(message);
    },
    restore: () => {
      const listeners: readonly unknown[] = process.listeners('message');
      if (!listeners.includes(receive)) process.on('message', receive);
    },
    marks: () => [process.stdout.bytesWritten, process.stderr.bytesWritten],
  };
};

/**
 * Otherwise what is printed piles up in memory while a function computes, and is lost when it crashes; and children that
 * inherit the pipe find it non-blocking, which many programs take for an error.
 */
const makeBlocking = (stream: Socket): void => {
  (stream as unknown as { readonly _handle?: BlockingHandle })._handle?.setBlocking?.(true);
};
