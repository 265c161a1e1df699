/**
 * Turns what a call writes into a bounded number of clean lines, and keeps the end of its stderr for a crash report.
 * A function that prints 200 MB costs the runner the reading of it, and nothing else.
 */
import { StringDecoder } from 'node:string_decoder';
import { escapeLine, MAX_LINE_LENGTH } from './escape-line.ts';
import type { OutputStream } from './types.ts';

/** Bytes of output that one call may add to its log. */
export const MAX_LOG_BYTES = 256 * 1024;

/** Kept of stderr: more than a crash report carries, for V8 prints why it gave up above a long native stack. */
const TAIL_BYTES = 16 * 1024;

const EMPTY = Buffer.alloc(0);

export type OnLine = (line: string, stream: OutputStream) => void;

export interface LineSink {
  write(stream: OutputStream, chunk: Uint8Array): void;
  /** Whole lines that did not come through a stream. */
  add(text: string): void;
  /** Emits what stands without a line break at the end of the given stream. */
  flush(stream: OutputStream): void;
  /** No further lines will be emitted, whatever is written. */
  readonly full: boolean;
  /** The last 16 KB of stderr. */
  stderrTail(): string;
}

interface Pending {
  readonly decoder: StringDecoder;
  text: string;
}

/** @param onLine undefined when nobody listens: then only the tail of stderr is kept. */
export const createLineSink = (onLine: OnLine | undefined, maxBytes = MAX_LOG_BYTES): LineSink =>
  new Sink(onLine, maxBytes);

/** A class, as everything that is made for each call. */
class Sink implements LineSink {
  readonly #onLine: OnLine | undefined;
  readonly #maxBytes: number;
  #budget: number;
  #told: boolean;
  #tail: Buffer = EMPTY;
  // Made at the first byte: most calls print nothing, and each of these holds memory outside of the heap.
  #stdout: Pending | undefined;
  #stderr: Pending | undefined;

  constructor(onLine: OnLine | undefined, maxBytes: number) {
    this.#onLine = onLine;
    this.#maxBytes = maxBytes;
    this.#budget = onLine === undefined ? 0 : maxBytes;
    this.#told = onLine === undefined;
  }

  get full(): boolean {
    return this.#told;
  }

  stderrTail(): string {
    return this.#tail.toString('utf8');
  }

  write(stream: OutputStream, chunk: Uint8Array): void {
    if (stream === 'stderr') this.#tail = keepTail(this.#tail, chunk);
    if (this.#told) return;
    const kept = chunk.length > this.#budget ? chunk.subarray(0, this.#budget) : chunk;
    this.#budget -= kept.length;
    const source = this.#pendingOf(stream);
    source.text = this.#emitLines(
      source.text + source.decoder.write(Buffer.from(kept.buffer, kept.byteOffset, kept.length)),
      stream,
    );
    if (kept.length < chunk.length) this.#truncate(stream);
  }

  add(text: string): void {
    if (this.#told) return;
    const size = Buffer.byteLength(text) + 1;
    if (size > this.#budget) {
      this.#budget = 0;
      this.#truncate('stdout');
      return;
    }
    this.#budget -= size;
    for (const line of text.split(/\r?\n/)) this.#emitPieces(line, 'stdout');
  }

  flush(stream: OutputStream): void {
    const source = stream === 'stdout' ? this.#stdout : this.#stderr;
    if (source === undefined) return;
    const text = source.text + source.decoder.end();
    source.text = '';
    if (text !== '') this.#emitPieces(text, stream);
  }

  #pendingOf(stream: OutputStream): Pending {
    if (stream === 'stdout') {
      this.#stdout ??= newPending();
      return this.#stdout;
    }
    this.#stderr ??= newPending();
    return this.#stderr;
  }

  #emit(line: string, stream: OutputStream): void {
    this.#onLine?.(escapeLine(line), stream);
  }

  #truncate(stream: OutputStream): void {
    if (this.#told) return;
    this.#told = true;
    for (const name of ['stdout', 'stderr'] as const) this.flush(name);
    this.#emit(`[output truncated: this call has written more than ${this.#maxBytes} bytes]`, stream);
  }

  #emitLines(text: string, stream: OutputStream): string {
    let rest = text;
    for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n')) {
      // A line break of Windows is a line break.
      this.#emitPieces(rest.slice(0, rest[end - 1] === '\r' ? end - 1 : end), stream);
      rest = rest.slice(end + 1);
    }
    while (rest.length > MAX_LINE_LENGTH) {
      this.#emit(rest.slice(0, MAX_LINE_LENGTH), stream);
      rest = rest.slice(MAX_LINE_LENGTH);
    }
    return rest;
  }

  #emitPieces(line: string, stream: OutputStream): void {
    for (let at = 0; at === 0 || at < line.length; at += MAX_LINE_LENGTH)
      this.#emit(line.slice(at, at + MAX_LINE_LENGTH), stream);
  }
}

const newPending = (): Pending => ({ decoder: new StringDecoder('utf8'), text: '' });

const keepTail = (tail: Buffer, chunk: Uint8Array): Buffer => {
  if (chunk.length >= TAIL_BYTES) return Buffer.from(chunk.subarray(chunk.length - TAIL_BYTES));
  const joined = Buffer.concat([tail, chunk]);
  return joined.length <= TAIL_BYTES ? joined : joined.subarray(joined.length - TAIL_BYTES);
};
