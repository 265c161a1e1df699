/**
 * What travels between a runner and an executor process over their socket pair: frames of a text and, apart from it, bytes. Bytes are
 * neither converted nor joined with anything: they go out from where they lie, and come in to where they stay.
 */

import { constants } from 'node:buffer';

export interface Frame {
  readonly head: string;
  readonly body: Uint8Array | undefined;
}

export interface FrameReader {
  /** Where the next bytes belong: a reader that can read to a given place needs no `push` then, but `arrived`. `undefined` between bodies. */
  room(): Uint8Array | undefined;
  /** So many bytes stand in `room` now. */
  arrived(count: number): void;
  /** Takes the next bytes, which are copied: the buffer may be used again. */
  push(chunk: Uint8Array): void;
}

/** `FLM1`: what is not written by the other side does not look like a frame. */
const MAGIC = 0x464c_4d31;
/** Magic, length of the head, length of the body. */
const PREFIX_BYTES = 12;
const NO_BODY = 0xffff_ffff;
/** Most bytes of a head: the longest message of an error, a list of modules. */
const MOST_HEAD_BYTES = 256 * 1024 * 1024;
/** Up to here copying is cheaper than a second piece of memory for the kernel to collect. */
const JOIN_BYTES = 16 * 1024;

/** A body up to here shares its memory with others: values are made of larger ones only where they lie. */
const POOLED_BYTES = 2 * 1024;

/** @returns what is to be written, in this order and with nothing in between. */
export const encodeFrame = ({ head, body }: Frame): readonly Uint8Array[] => {
  const headBytes = Buffer.byteLength(head);
  const joined = body !== undefined && body.length <= JOIN_BYTES ? body : undefined;
  const first = Buffer.allocUnsafe(PREFIX_BYTES + headBytes + (joined?.length ?? 0));
  first.writeUInt32LE(MAGIC, 0);
  first.writeUInt32LE(headBytes, 4);
  first.writeUInt32LE(body?.length ?? NO_BODY, 8);
  first.write(head, PREFIX_BYTES);
  if (joined !== undefined) first.set(joined, PREFIX_BYTES + headBytes);
  return body === undefined || joined !== undefined ? [first] : [first, body];
};

/** Bytes of a known number that come in pieces. */
interface Filling {
  readonly bytes: Buffer;
  filled: number;
}

/**
 * @param onBroken once: what has come is no frame, and what follows is not read.
 * @param allocate gives memory for a body. Default: memory of its own, so that what is made of it keeps nothing else alive, and views of
 * words are aligned
 */
export const createFrameReader = (
  onFrame: (frame: Frame) => void,
  onBroken: (why: string) => void,
  allocate: (bytes: number) => Buffer = Buffer.allocUnsafeSlow,
): FrameReader => {
  const prefix = filling(PREFIX_BYTES);
  let head: Filling | undefined;
  let text: string | undefined;
  let body: Filling | undefined;
  let broken = false;

  const refuse = (why: string): void => {
    broken = true;
    onBroken(why);
  };

  /**
   * A small frame mostly comes as a whole: it is read where it lies, and its bytes get a place among those of others, as small Buffers do.
   * @returns how many bytes it has taken, 0 when this is no such frame
   */
  const takeWhole = (chunk: Uint8Array, at: number): number => {
    const source = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    if (chunk.length - at < PREFIX_BYTES || source.readUInt32LE(at) !== MAGIC) return 0;
    const headBytes = source.readUInt32LE(at + 4);
    const bodyBytes = source.readUInt32LE(at + 8);
    const bodyAt = at + PREFIX_BYTES + headBytes;
    const end = bodyBytes === NO_BODY ? bodyAt : bodyAt + bodyBytes;
    if (end > chunk.length || (bodyBytes !== NO_BODY && bodyBytes > POOLED_BYTES)) return 0;
    const whole = bodyBytes === NO_BODY ? undefined : Buffer.allocUnsafe(bodyBytes);
    if (whole !== undefined) source.copy(whole, 0, bodyAt, end);
    onFrame({ head: source.toString('utf8', at + PREFIX_BYTES, bodyAt), body: whole });
    return end - at;
  };

  const deliver = (bytes: Uint8Array | undefined): void => {
    const frame: Frame = { head: text ?? '', body: bytes };
    head = undefined;
    text = undefined;
    body = undefined;
    prefix.filled = 0;
    onFrame(frame);
  };

  const begin = (): void => {
    const headBytes = prefix.bytes.readUInt32LE(4);
    if (prefix.bytes.readUInt32LE(0) !== MAGIC) refuse('what it wrote there is no message');
    else if (headBytes > MOST_HEAD_BYTES) refuse(`it announced a message of ${headBytes} bytes`);
    else head = filling(headBytes);
  };

  const readHead = ({ bytes }: Filling): void => {
    text = bytes.toString('utf8');
    const bodyBytes = prefix.bytes.readUInt32LE(8);
    if (bodyBytes === NO_BODY) deliver(undefined);
    else if (bodyBytes > constants.MAX_LENGTH) refuse(`it announced ${bodyBytes} bytes`);
    else body = { bytes: allocate(bodyBytes), filled: 0 };
  };

  /** One step: fills what is missing next. @returns how many bytes it has taken */
  const take = (chunk: Uint8Array, at: number): number => {
    const target = body ?? head ?? prefix;
    const taken = Math.min(target.bytes.length - target.filled, chunk.length - at);
    target.bytes.set(chunk.subarray(at, at + taken), target.filled);
    target.filled += taken;
    next(target);
    return taken;
  };

  const next = (target: Filling): void => {
    if (target.filled < target.bytes.length) return;
    if (target === body) deliver(body.bytes);
    else if (target === head) readHead(head);
    else begin();
  };

  /** Lengths of nothing need no bytes to come. */
  const isComplete = (): boolean => head !== undefined && (body ?? head).bytes.length === 0;

  return {
    room: () => (body !== undefined && body.filled < body.bytes.length ? body.bytes.subarray(body.filled) : undefined),
    arrived(count) {
      if (broken || body === undefined) return;
      body.filled += count;
      next(body);
    },
    push: (chunk) => {
      let at = 0;
      while (!broken && (at < chunk.length || isComplete())) {
        const whole = prefix.filled === 0 && head === undefined ? takeWhole(chunk, at) : 0;
        at += whole > 0 ? whole : take(chunk, at);
      }
    },
  };
};

const filling = (length: number): Filling => ({ bytes: Buffer.allocUnsafeSlow(length), filled: 0 });
