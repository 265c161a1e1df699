/**
 * How an executor tells that it has begun a call, without waking its runner for it: the number of the call and the time go
 * into a small file (or, for a thread, shared memory), which the runner reads only when it has to know: at a deadline, and
 * when the executor has ended. A message instead would cost each call half as much as its arguments and result together.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** When a call began: milliseconds ago, `undefined` when it has not. */
export type ReadStart = (seq: number) => number | undefined;
/** @throws Error when it cannot be written. */
export type WriteStart = (seq: number) => void;

const BYTES = 16;
const NS_PER_MS = 1e6;

export const startFileOf = (tempDir: string): string => join(tempDir, 'start');

/** The executor's side. The directory exists. */
export const writeStartFile = (file: string): WriteStart => {
  // Appending would be atomic, but this file must not grow; sixteen bytes within a page are not torn either.
  const fd = openSync(file, 'w', 0o600);
  const words = new BigInt64Array(2);
  const bytes = new Uint8Array(words.buffer);
  try {
    writeSync(fd, bytes, 0, BYTES, 0);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return (seq) => {
    stamp(words, seq);
    writeSync(fd, bytes, 0, BYTES, 0);
  };
};

/** The runner's side. What cannot be read counts as begun: then nothing is run again that may have had effects. */
export const readStartFile =
  (file: string): ReadStart =>
  (seq) => {
    try {
      const bytes = readFileSync(file);
      return bytes.length === BYTES ? elapsed(bytes.readBigInt64LE(0), bytes.readBigInt64LE(8), seq) : 0;
    } catch {
      return 0;
    }
  };

/** Shared memory for a thread. */
export const startMemory = (): SharedArrayBuffer => new SharedArrayBuffer(BYTES);

export const writeStartMemory = (memory: SharedArrayBuffer): WriteStart => {
  const words = new BigInt64Array(memory);
  return (seq) => stamp(words, seq);
};

export const readStartMemory = (memory: SharedArrayBuffer): ReadStart => {
  const words = new BigInt64Array(memory);
  return (seq) => elapsed(words[0] ?? 0n, words[1] ?? 0n, seq);
};

// The clock of `hrtime` is the system's monotonic one, the same in every process.
const stamp = (words: BigInt64Array, seq: number): void => {
  words[1] = process.hrtime.bigint();
  words[0] = BigInt(seq);
};

const elapsed = (lastSeq: bigint, at: bigint, seq: number): number | undefined =>
  lastSeq === BigInt(seq) ? Math.max(0, Number(process.hrtime.bigint() - at) / NS_PER_MS) : undefined;
