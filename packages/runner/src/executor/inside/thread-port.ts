/** The channel of an executor that is a worker thread. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { ToExecutor } from '../messages.ts';
import { writeStartMemory } from '../start-mark.ts';
import type { ThreadData } from '../thread-link.ts';
import type { Port } from './port.ts';

/** @throws Error when this is not a worker thread. */
export const openThreadPort = (): Port => {
  const port: MessagePort | null = parentPort;
  if (port === null) throw new Error('This file is the entry of executor threads; a runner starts it.');
  const written = { stdout: countWrites('stdout'), stderr: countWrites('stderr') };
  return {
    post: (message) => port.postMessage(message),
    started: writeStartMemory((workerData as ThreadData).memory),
    onMessage: (listener) => void port.on('message', listener as (message: ToExecutor) => void),
    restore: () => {},
    marks: () => [written.stdout(), written.stderr()],
  };
};

/** The streams of a thread do not count what passes through them. */
const countWrites = (name: 'stdout' | 'stderr'): (() => number) => {
  let bytes = 0;
  const stream = process[name];
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = ((chunk: unknown, ...rest: unknown[]) => {
    bytes += typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk instanceof Uint8Array ? chunk.length : 0;
    return write(chunk, ...rest);
  }) as typeof stream.write;
  return () => bytes;
};
