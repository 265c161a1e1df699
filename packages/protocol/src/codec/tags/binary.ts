/** Buffers and views. Each view ships its own bytes only: two views of one ArrayBuffer arrive as two buffers. */
import { types } from 'node:util';
import { badPayload, detached, sharedMemory } from '../refusal.ts';
import type { Encoder, Json, LeafTag, Tag } from '../types.ts';

export const bufferTag: LeafTag<Buffer> = {
  name: 'Buffer',
  encode: (value, encoder) => encodeView('Buffer', value, encoder),
  decode(node, decoder) {
    const bytes = decoder.bytes(node, 1);
    return decoder.keep(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  },
};

export const dataViewTag: LeafTag<DataView> = {
  name: 'DataView',
  bare: true,
  encode: (value, encoder) => encodeView('DataView', value, encoder),
  decode(node, decoder) {
    const bytes = decoder.bytes(node, 8);
    return decoder.keep(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  },
};

/** A resizable buffer arrives as one of fixed length. */
export const arrayBufferTag: LeafTag<ArrayBuffer> = {
  name: 'ArrayBuffer',
  bare: true,
  encode(value, encoder) {
    const bytes = bytesOf(value);
    return bytes === undefined
      ? encoder.refuse(detached.what, detached.advice)
      : { $: 'ArrayBuffer', ...encoder.bytes(bytes) };
  },
  decode: (node, decoder) => decoder.keep(decoder.ownBuffer(node)),
};

type TypedArray = ArrayBufferView & { readonly length: number };
interface TypedArrayConstructor {
  readonly name: string;
  readonly prototype: TypedArray;
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray;
}

/** Those that this version of Node has: `Float16Array` is younger than the others. */
const typedArrays: readonly TypedArrayConstructor[] = [
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float16Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
].flatMap((name) => {
  const ctor = Reflect.get(globalThis, name) as TypedArrayConstructor | undefined;
  return ctor === undefined ? [] : [ctor];
});

/** As in a structured clone, own properties that were added to a typed array stay behind. */
export const typedArrayTags: readonly (readonly [object, Tag])[] = typedArrays.map((ctor) => [
  ctor.prototype,
  typedArrayTag(ctor),
]);

function typedArrayTag(ctor: TypedArrayConstructor): LeafTag {
  return {
    name: ctor.name,
    encode: (value, encoder) => encodeView(ctor.name, value, encoder),
    decode(node, decoder) {
      const bytes = decoder.bytes(node, ctor.BYTES_PER_ELEMENT);
      if (bytes.byteLength % ctor.BYTES_PER_ELEMENT !== 0) throw badPayload(`a ${ctor.name} with half an element`);
      return decoder.keep(new ctor(bytes.buffer, bytes.byteOffset, bytes.byteLength / ctor.BYTES_PER_ELEMENT));
    },
  };
}

function encodeView(name: string, value: object, encoder: Encoder): Json {
  if (!ArrayBuffer.isView(value)) {
    return encoder.refuse(`is no ${name}, although its prototype says so`, 'Send a real one.');
  }
  if (types.isSharedArrayBuffer(value.buffer)) return encoder.refuse(sharedMemory.what, sharedMemory.advice);
  const bytes = bytesOf(value.buffer, value.byteOffset, value.byteLength);
  return bytes === undefined ? encoder.refuse(detached.what, detached.advice) : { $: name, ...encoder.bytes(bytes) };
}

/** @returns `undefined` when the buffer was transferred away: only making a view of it tells, on Node 20. */
function bytesOf(buffer: ArrayBufferLike, offset = 0, length?: number): Uint8Array | undefined {
  try {
    return new Uint8Array(buffer, offset, length);
  } catch {
    return undefined;
  }
}
