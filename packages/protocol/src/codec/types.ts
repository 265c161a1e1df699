/** The shapes that the parts of the codec share. */
import type { SecretBox } from '../payload/secret-box.ts';
import type { Place, Segment } from './path.ts';

/** An encoded value: JSON text, and large binary data beside it. */
export interface Payload {
  /** Plain JSON where the value is plain; else JSON with tags such as `{"$":"Date","v":"…"}`. */
  readonly json: string;
  /** Binary data that tags in `json` name by number. */
  readonly parts: readonly Uint8Array[];
}

export type Json = null | boolean | number | string | Json[] | Node;
/** A JSON object: a tag's node, or a plain object. */
export interface Node {
  [key: string]: Json;
}

/** What a tag may ask of the encoder. */
export interface Encoder {
  /**
   * Encodes `value`, which stands at `segment` of the current value. What holds other values is encoded while the tag waits:
   * `encoder.put(value, segment) ?? (yield)` is its JSON in either case.
   */
  put(value: unknown, segment: Segment): Json | undefined;
  /** As `put`, but also reads the value: a getter may throw. */
  copy(source: object, property: string | number): Json | undefined;
  /** Text that is no value of its own (a message, a source): counted, and cut when the encoder is lenient. */
  text(text: string, property: string): string;
  /** Fields of a node for binary data: `n` and `b` (base64) or `p` (number of a part, which still is the caller's memory). */
  bytes(view: Uint8Array): Node;
  /** Throws, or leaves the value out when the encoder is lenient. `what` follows the path: `is a function`. */
  refuse(what: string, advice: string, at?: string | Place): Json;
  /** A lenient encoder has no room left: collections end here. Always false for a strict one. */
  isFull(): boolean;
  /** Seals what `flame.secret` wraps; `undefined` where there are no keys. */
  readonly secrets: SecretBox | undefined;
  /** A value as a frame of its own, without references to what is around it. */
  frame(value: unknown): Uint8Array;
  /** From here on until `reopen` a reference to `value` cannot be resolved by the reader. */
  close(value: object): void;
  reopen(value: object): void;
}

/** What a tag may ask of the decoder. */
export interface Decoder {
  /** Decodes what stands in a node, as `put` of the encoder: `decoder.value(json) ?? (yield)`. */
  value(json: Json): unknown;
  /** Counts a primitive that stays as it is. */
  count(): void;
  /** Numbers an object, so that references find it: before its children are decoded. */
  keep<T extends object>(object: T): T;
  /** Takes a number for an object that can only be made after its children. */
  reserve(): (object: object) => void;
  /**
   * The bytes that a node names. They may be memory of the payload when they are a large part of it.
   * @param align the address must be a multiple of this
   */
  bytes(node: Node, align: number): Uint8Array;
  /** As `bytes`, as a buffer that holds nothing else. */
  ownBuffer(node: Node): ArrayBuffer;
  /** Opens a secret and decodes what is in it, later. @throws FlameSealError, FlameCodecError */
  reveal(scope: string, bytes: Uint8Array): unknown;
}

/** Yields where it waits for another value, and is given that value's JSON. */
export type Writing = Generator<undefined, Json, Json>;
/** Yields where it waits for another value, and is given that value. */
export type Reading = Generator<undefined, unknown, unknown>;

interface Kind {
  readonly name: string;
  /** Refuse own properties: they are no part of what the tag writes. */
  readonly bare?: boolean;
}

/** A kind of object that holds no other values. */
export interface LeafTag<T extends object = object> extends Kind {
  readonly write?: undefined;
  readonly read?: undefined;
  encode(value: T, encoder: Encoder): Json;
  decode(node: Node, decoder: Decoder): unknown;
}

/** A kind of object that holds other values. */
export interface TreeTag<T extends object = object> extends Kind {
  write(value: T, encoder: Encoder): Writing;
  read(node: Node, decoder: Decoder): Reading;
}

/** One kind of object: how it is written and read. A closed table of these is all that the codec knows. */
export type Tag<T extends object = object> = LeafTag<T> | TreeTag<T>;
/** What a tag's way back is. */
export type Reader = Pick<LeafTag, 'decode' | 'read'> | Pick<TreeTag, 'read'>;
