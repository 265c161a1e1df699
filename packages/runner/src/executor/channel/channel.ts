/** A runner's and an executor's end of the socket pair between them: messages in, messages out. */
import type { Socket } from 'node:net';
import type { FromExecutor, ToExecutor } from '../messages.ts';
import { createFrameReader, encodeFrame, type FrameReader } from './frames.ts';
import { fromFrame, toFrame } from './wire.ts';

/** @param onBroken once: the other side has written what is no message. */
export const readMessages = (onMessage: (message: unknown) => void, onBroken: (why: string) => void): FrameReader => {
  let broken = false;
  const breakOff = (why: string): void => {
    if (broken) return;
    broken = true;
    onBroken(why);
  };
  return createFrameReader((frame) => {
    if (broken) return;
    let message: unknown;
    try {
      message = fromFrame(frame);
    } catch {
      return breakOff('what it wrote there is no message');
    }
    onMessage(message);
  }, breakOff);
};

/** Errors of a socket that closes meanwhile are its owner's: the end of the other side is on its way. */
export const writeMessage = (socket: Socket, message: ToExecutor | FromExecutor): void => {
  if (!socket.writable) return;
  const pieces = encodeFrame(toFrame(message));
  if (pieces.length === 1) {
    socket.write(pieces[0] as Uint8Array);
    return;
  }
  // Together, and to the kernel from where they lie.
  socket.cork();
  for (const piece of pieces) socket.write(piece);
  socket.uncork();
};
