/**
 * What a function threw, on its way back. Unlike arguments and results it must arrive whatever it holds: a request, a
 * socket, five megabytes of response. So what cannot travel is left out and named, and nothing here throws.
 */
import { inspect, types } from 'node:util';
import type { SecretBox } from '../payload/secret-box.ts';
import { encode, payloadSize, writeTree } from './encode.ts';
import { encodeTree } from './encoder.ts';
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
      const encoded = encodeTree(error, { root: 'error', lenientBytes: Math.floor(limit * share), secrets });
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

/** The least that an error is: for one whose own getters throw. */
function encodeBare(error: Error, limit: number): Payload {
  const node: Node = { $: 'Error', c: 'Error', n: read(error, 'name', 200), m: read(error, 'message', limit / 16) };
  node.s = read(error, 'stack', limit / 16) || `${String(node.n)}: ${String(node.m)}`;
  node.t = ['everything but the message'];
  return { json: JSON.stringify(node), parts: [] };
}

function read(error: Error, key: 'name' | 'message' | 'stack', max: number): string {
  try {
    return String(error[key]).slice(0, max);
  } catch {
    return key === 'name' ? 'Error' : '';
  }
}

function wrap(thrown: unknown): Error {
  const error = new Error(`a value that is no error was thrown: ${show(thrown)}`, { cause: thrown });
  // The trace of this line would only mislead.
  error.stack = `${error.name}: ${error.message}`;
  return error;
}

function show(value: unknown): string {
  try {
    const shown = inspect(value, {
      depth: 1,
      maxStringLength: 200,
      maxArrayLength: 10,
      breakLength: Number.POSITIVE_INFINITY,
    });
    return shown.length > 400 ? `${shown.slice(0, 400)}…` : shown;
  } catch {
    return `a value of type ${typeof value}`;
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
