/**
 * The channel of an executor that is a process: a socket that no other code is told of. Of Node's own channel there is none, so `process.send` and
 * `process.channel` are what they are in a process that nobody forked.
 */
import { mkdirSync } from 'node:fs';
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { giveMemoryBack } from '@flamejs/protocol/passing-memory';
import { readInPlace, readMessages, writeMessage } from '../channel/channel.ts';
import { CHANNEL_FD } from '../markers.ts';
import type { FromExecutor, ToExecutor } from '../messages.ts';
import { startFileOf, writeStartFile } from '../start-mark.ts';
import type { Port } from './port.ts';

/** A pipe's handle, of which Node documents only the effect. */
interface BlockingHandle {
  setBlocking?(blocking: boolean): void;
}

/** @param onClosed the runner is gone, or something here has closed the descriptor @throws Error when no runner has started this process */
export const openProcessPort = (tempDir: string, onClosed: () => void): Port => {
  // What arrives while this package still loads waits for its listener.
  const early: ToExecutor[] = [];
  let deliver = (message: ToExecutor): void => void early.push(message);
  const reader = readMessages(
    (message) => deliver(message as ToExecutor),
    // Only user code can have read a part of it, and nothing that comes from now on can be understood.
    (why) => {
      process.stderr.write(`The channel to the runner was used by other code: ${why}\n`);
      process.exit(1);
    },
  );
  // Its types know `onread` of clients only.
  const options: SocketConstructorOpts & { readonly onread: OnReadOpts } = {
    fd: CHANNEL_FD,
    readable: true,
    writable: true,
    onread: readInPlace(reader),
  };
  const channel = new Socket(options);
  // Then the runner is gone, and whoever sees to it that this process ends is at work.
  channel.on('error', () => {});
  channel.on('close', onClosed);
  // Held here: what calls put in their place is no pipe of the runner's.
  const [stdout, stderr] = [process.stdout, process.stderr] as unknown as readonly [Socket, Socket];
  makeBlocking(stdout);
  makeBlocking(stderr);
  mkdirSync(tempDir, { recursive: true, mode: 0o700 });
  const writeStart = writeStartFile(startFileOf(tempDir));
  const post = (message: FromExecutor): void => writeMessage(channel, message, giveMemoryBack);
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
    restore: () => {},
    marks: () => [bytesWritten(stdout), bytesWritten(stderr)],
  };
};

/** Node's own sum looks at what waits to be written, and copies that list each time: a quarter of what a small call costs. Mostly nothing waits. */
const bytesWritten = (stream: Socket & { readonly _bytesDispatched?: number }): number =>
  stream.writableLength === 0 ? (stream._bytesDispatched ?? stream.bytesWritten) : stream.bytesWritten;

/**
 * Otherwise what is printed piles up in memory while a function computes, and is lost when it crashes; and children that
 * inherit the pipe find it non-blocking, which many programs take for an error.
 */
const makeBlocking = (stream: Socket): void => {
  (stream as unknown as { readonly _handle?: BlockingHandle })._handle?.setBlocking?.(true);
};
