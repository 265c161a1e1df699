/**
 * What a function threw, on its way back. Unlike arguments and results it must arrive whatever it holds: a request, a
 * socket, five megabytes of response. So what cannot travel is left out and named, and nothing here throws.
 */
import { types } from 'node:util';
import type { SecretBox } from '../payload/secret-box.ts';
import { encode, payloadSize, writeTree } from './encode.ts';
import { encodeTree } from './encoder.ts';
import { show } from './show.ts';
import { describeError } from './tags/errors.ts';
import type { Json, Node, Payload } from './types.ts';

/** Bytes that an error may take by default: 64 KiB. */
export const DEFAULT_ERROR_LIMIT = 64 * 1024;

/**
 * Encodes what was thrown so that it decodes to an `Error`. What is no error is wrapped in one: its message shows the
 * value, its `cause` is the value. When something had to be left out, the decoded error has a non-enumerable property
 * `flameTruncated` with the paths of it (at most 20).
 * @param options.limit bytes, default 64 KiB
 */
export function encodeThrown(
  thrown: unknown,
  options: { readonly limit?: number; readonly secrets?: SecretBox | undefined } = {},
): Payload {
  const { limit = DEFAULT_ERROR_LIMIT, secrets } = options;
  const error = isError(thrown) ? thrown : wrap(thrown);
  try {
    return encode(error, { limit, root: 'error', secrets });
  } catch {
    return encodeLenient(error, limit, secrets) ?? encodeBare(error, limit);
  }
}

/** Text is counted by characters while it is walked, so what is kept may need up to three times its share in bytes. */
const SHARES = [0.75, 0.25, 0.05];

function encodeLenient(error: Error, limit: number, secrets: SecretBox | undefined): Payload | undefined {
  for (const share of SHARES) {
    try {
      const encoded = encodeTree(error, { root: 'error', limit, lenientBytes: Math.floor(limit * share), secrets });
      if (!isErrorNode(encoded.tree)) return undefined;
      encoded.tree.t = encoded.dropped.map((path) =>
        path
          .replace(/^error\.?/, '')
          .trim()
          .slice(0, 200),
      );
      const payload = writeTree(encoded, 'error', limit);
      if (payloadSize(payload) <= limit) return payload;
    } catch {
      // Too large still: the next share is smaller.
    }
  }
  return undefined;
}

/** The least that an error is: for one of which nothing else can be read. */
function encodeBare(error: Error, limit: number): Payload {
  const { name, message } = describeError(error);
  const most = limit / 16;
  const node: Node = { $: 'Error', c: 'Error', n: name.slice(0, 200), m: message.slice(0, most) };
  node.s = `${String(node.n)}: ${String(node.m)}`;
  node.t = ['everything but the message'];
  return { json: JSON.stringify(node), parts: [] };
}

/** @returns name and message as the caller sees them, for records beside the encoded error. Never throws. */
export function describeThrown(thrown: unknown): { readonly name: string; readonly message: string } {
  return describeError(isError(thrown) ? thrown : wrap(thrown));
}

function wrap(thrown: unknown): Error {
  const error = new Error(`a value that is no error was thrown: ${show(thrown)}${hiddenMessage(thrown)}`, {
    cause: thrown,
  });
  // The trace of this line would only mislead.
  error.stack = `${error.name}: ${error.message}`;
  return error;
}

/** What an object says of itself without showing it: an inherited or hidden `message`. */
function hiddenMessage(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return '';
  try {
    const message: unknown = Reflect.get(thrown, 'message');
    const isShown = Object.prototype.propertyIsEnumerable.call(thrown, 'message');
    return message === undefined || isShown ? '' : ` with the message ${show(message)}`;
  } catch {
    return '';
  }
}

function isError(value: unknown): value is Error {
  try {
    return types.isNativeError(value) || (value instanceof Error && !types.isProxy(value));
  } catch {
    return false;
  }
}

const isErrorNode = (tree: Json): tree is Node =>
  typeof tree === 'object' &&
  tree !== null &&
  !Array.isArray(tree) &&
  (tree.$ === 'Error' || tree.$ === 'DOMException');
