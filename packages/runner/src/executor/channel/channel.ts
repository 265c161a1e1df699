/** A runner's and an executor's end of the socket pair between them: messages in, messages out. */
import type { OnReadOpts, Socket } from 'node:net';
import type { FromExecutor, ToExecutor } from '../messages.ts';
import { createFrameReader, encodeFrame, type FrameReader } from './frames.ts';
import { fromFrame, toFrame } from './wire.ts';

/** Reused for everything that comes in beside bodies. */
const READ_BYTES = 64 * 1024;

/** How a socket reads into the memory of a reader. */
export const readInPlace = (reader: FrameReader): OnReadOpts => {
  const passing = Buffer.allocUnsafeSlow(READ_BYTES);
  let room: Uint8Array | undefined;
  return {
    buffer: () => {
      room = reader.room();
      return room ?? passing;
    },
    callback: (count, bytes) => {
      if (room === undefined) reader.push(bytes.subarray(0, count));
      else reader.arrived(count);
      return true;
    },
  };
};

/**
 * @param onBroken once: the other side has written what is no message.
 * @param allocate gives memory for the bytes that a message carries
 */
export const readMessages = (
  onMessage: (message: unknown) => void,
  onBroken: (why: string) => void,
  allocate?: (bytes: number) => Buffer,
): FrameReader => {
  let broken = false;
  const breakOff = (why: string): void => {
    if (broken) return;
    broken = true;
    onBroken(why);
  };
  return createFrameReader(
    (frame) => {
      if (broken) return;
      let message: unknown;
      try {
        message = fromFrame(frame);
      } catch {
        return breakOff('what it wrote there is no message');
      }
      onMessage(message);
    },
    breakOff,
    allocate,
  );
};

/**
 * Errors of a socket that closes meanwhile are its owner's: the end of the other side is on its way.
 * @param onWritten the kernel has the bytes that the message carries
 */
export const writeMessage = (
  socket: Socket,
  message: ToExecutor | FromExecutor,
  onWritten?: (bytes: Uint8Array) => void,
): void => {
  if (!socket.writable) return;
  const [first, body] = encodeFrame(toFrame(message));
  if (first === undefined) return;
  if (body === undefined) {
    socket.write(first);
    return;
  }
  // Together, and to the kernel from where they lie.
  socket.cork();
  socket.write(first);
  socket.write(body, (error) => {
    if (!error) onWritten?.(body);
  });
  socket.uncork();
};
