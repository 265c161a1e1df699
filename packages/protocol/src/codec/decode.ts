/** Payloads to values. Whatever the bytes are: no code of theirs runs, and the only error is FlameCodecError. */
import { FlameCodecError, FlameSealError } from '../errors/index.ts';
import type { SecretBox } from '../payload/secret-box.ts';
import { countField, setOwn } from './fields.ts';
import { unpackPayload } from './frame.ts';
import { checkText, DEFAULT_LIMIT, MAX_DEPTH, MAX_NODES, tooDeep, tooMany } from './limits.ts';
import { partReader } from './parts.ts';
import { badPayload } from './refusal.ts';
import { decoders } from './tags/table.ts';
import type { Decoder, Json, Node, Payload } from './types.ts';

export interface DecodeOptions {
  /** Bytes, JSON and parts together; default 16 MiB. */
  readonly limit?: number;
  /** Opens secrets when they are asked for. Without it they arrive, and cannot be revealed. */
  readonly secrets?: SecretBox | undefined;
}

/**
 * Decodes a payload into fresh objects. A large binary part of an unpacked frame becomes the memory of a Buffer or view of
 * the value; every other one is copied. Own keys such as `__proto__` arrive as what they are: data. No decoded value is or
 * holds a function, except through `from` of a class that was registered here.
 * @throws FlameCodecError when the bytes are damaged, hostile, or past a limit
 */
export function decode(payload: Payload, options: DecodeOptions = {}): unknown {
  try {
    return readPayload(payload, options.limit ?? DEFAULT_LIMIT, options.secrets);
  } catch (error) {
    if (error instanceof FlameCodecError) throw error;
    if (error instanceof RangeError && /call stack/i.test(error.message)) throw tooDeep('');
    throw badPayload(error instanceof SyntaxError ? 'it is not JSON' : 'a value could not be rebuilt', error);
  }
}

/** Every tag stands in JSON as this text, and no plain value does: its `$` would have been wrapped. */
const TAG_MARK = '"$":';

function readPayload(payload: Payload, limit: number, secrets: SecretBox | undefined): unknown {
  const { json, parts } = payload;
  if (typeof json !== 'string') throw badPayload('it has no JSON text');
  let size = Buffer.byteLength(json);
  for (const part of parts) size += part.byteLength;
  if (size > limit) {
    const [found, allowed] = [size.toLocaleString('en-US'), limit.toLocaleString('en-US')];
    throw badPayload(`it takes ${found} bytes, over the limit of ${allowed} bytes`);
  }
  const tagged = json.includes(TAG_MARK);
  checkText(json, tagged);
  const tree = JSON.parse(json) as Json;
  if (!tagged && parts.length === 0) return tree;
  return decodeTree(tree, parts, { limit, secrets });
}

function decodeTree(tree: Json, parts: readonly Uint8Array[], options: DecodeOptions): unknown {
  const objects: (object | undefined)[] = [];
  const reader = partReader(parts);
  let nodes = 0;
  let depth = 0;

  const value = (json: Json): unknown => {
    nodes += 1;
    if (nodes > MAX_NODES) throw tooMany('');
    if (json === null || typeof json !== 'object') return json;
    if (!Array.isArray(json) && json.$ === 'ref' && Object.hasOwn(json, '$')) return resolve(json);
    depth += 1;
    if (depth > MAX_DEPTH + PRIMITIVE_NODE) throw tooDeep('');
    const decoded = Array.isArray(json) ? items(json) : Object.hasOwn(json, '$') ? tagged(json) : entries(json);
    depth -= 1;
    return decoded;
  };

  const items = (list: Json[]): unknown => {
    const decoded: unknown[] = keep(list);
    for (let i = 0; i < list.length; i += 1) decoded[i] = value(list[i] ?? null);
    return decoded;
  };

  const entries = (node: Node): unknown => {
    keep(node);
    for (const key of Object.keys(node)) {
      const child = node[key] ?? null;
      // The parsed object becomes the value: only what may need another form is set again.
      if (typeof child !== 'object' || child === null) nodes += 1;
      else setOwn(node, key, value(child));
    }
    return node;
  };

  const tagged = (node: Node): unknown => {
    const decodeTagged = decoders.get(node.$);
    if (decodeTagged === undefined) {
      throw badPayload(`a tag ${JSON.stringify(node.$)?.slice(0, 60)} that this version does not know`);
    }
    return decodeTagged(node, decoder);
  };

  const resolve = (node: Node): object => {
    const object = objects[countField(node, 'v', MAX_NODES)];
    if (object === undefined) throw badPayload('a reference to an object that is not there');
    return object;
  };

  const keep = <T extends object>(object: T): T => {
    objects.push(object);
    return object;
  };

  const decoder: Decoder = {
    value,
    keep,
    reserve() {
      const at = objects.push(undefined) - 1;
      return (object) => {
        objects[at] = object;
      };
    },
    bytes: reader.bytes,
    ownBuffer: reader.ownBuffer,
    reveal(scope, bytes) {
      const { secrets } = options;
      if (secrets === undefined) throw notHere(scope);
      return decode(unpackPayload(secrets.open(scope, bytes)), options);
    },
  };

  const decoded = value(tree);
  reader.finish();
  return decoded;
}

/** `undefined`, odd numbers and BigInts are nodes here, but no containers for the writer who counted the depth. */
const PRIMITIVE_NODE = 1;

const notHere = (scope: string): FlameSealError =>
  new FlameSealError(`a secret of ${scope} cannot be revealed here: this process has no key for it`, {
    callId: scope,
    reason: 'no-key',
    advice:
      'Set `encryptionKeys` in the config, or FLAME_ENCRYPTION_KEYS; the dashboard and the command line never reveal.',
  });
