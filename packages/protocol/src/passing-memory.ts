/**
 * Memory for large values that only pass through this process, on their way to Redis or to an executor. Fresh memory costs more to touch than
 * the copy into it, and collecting it stops the process: so it is used again.
 *
 * Who gives memory back says that nobody reads it any more: of what was sent to Redis that is so once the last command that may still
 * be sent with it has its reply, or will never be sent.
 */

/** Less is left to the collector. Callers hold smaller values, to send them again should Redis lose them. */
export const PASSING_BYTES = 64 * 1024;
/** Most memory that is kept for later. */
const MOST_KEPT = 32 * 1024 * 1024;

const free = new Map<number, Buffer[]>();
/** What is out, by its memory; the views of it that are lent differ in length. */
const lent = new WeakMap<ArrayBufferLike, Buffer>();
let kept = 0;
let poison = false;

/** @returns so many bytes with anything in them, to be given back, or to be left to the collector */
export const borrowMemory = (bytes: number): Buffer => {
  if (bytes < PASSING_BYTES) return Buffer.allocUnsafe(bytes);
  const size = sizeOf(bytes);
  let whole = free.get(size)?.pop();
  if (whole === undefined) whole = Buffer.allocUnsafeSlow(size);
  else kept -= size;
  lent.set(whole.buffer, whole);
  return whole.subarray(0, bytes);
};

/** What was not borrowed, and what has been given back before, is left as it is. */
export const giveMemoryBack = (bytes: Uint8Array | undefined): void => {
  const whole = bytes === undefined ? undefined : lent.get(bytes.buffer);
  if (whole === undefined) return;
  lent.delete(whole.buffer);
  if (poison) whole.fill(0xdb);
  if (kept + whole.length > MOST_KEPT) return;
  kept += whole.length;
  const list = free.get(whole.length);
  if (list === undefined) free.set(whole.length, [whole]);
  else list.push(whole);
};

/** For tests: what is given back is overwritten at once, so that whoever still reads it is found out. */
export const poisonReturnedMemory = (): void => {
  poison = true;
};

/** Powers of two and the halves between them: at most a third of the memory is wasted. */
const sizeOf = (bytes: number): number => {
  const power = 2 ** Math.ceil(Math.log2(bytes));
  return bytes <= power * 0.75 ? power * 0.75 : power;
};
