/** Payloads to values. Whatever the bytes are: no code of theirs runs, and the only error is FlameCodecError. */
import { FlameCodecError, FlameSealError } from '../errors/index.ts';
import type { SecretBox } from '../payload/secret-box.ts';
import { countField, setOwn } from './fields.ts';
import { unpackPayload } from './frame.ts';
import { checkText, DEFAULT_LIMIT, MAX_DEPTH, maxValuesOf, tooDeep, tooMany } from './limits.ts';
import { partReader } from './parts.ts';
import { badPayload } from './refusal.ts';
import { readers } from './tags/table.ts';
import type { Decoder, Json, Node, Payload, Reading } from './types.ts';

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
  checkText(json, tagged, limit);
  const tree = JSON.parse(json) as Json;
  if (!tagged && parts.length === 0) return tree;
  return decodeTree(tree, parts, limit, secrets);
}

/** Nodes of what holds other values are read by generators, driven by a stack of our own: see `encodeTree`. */
function decodeTree(tree: Json, parts: readonly Uint8Array[], limit: number, secrets: SecretBox | undefined): unknown {
  const maxValues = maxValuesOf(limit);
  const objects: (object | undefined)[] = [];
  /** What is being read, outermost first. */
  const open: Reading[] = [];
  const reader = partReader(parts);
  /** What was asked for last: the value itself, unless its reading has just begun. */
  let answer: unknown;
  let nodes = 0;

  const value = (json: Json): unknown => {
    nodes += 1;
    if (nodes > maxValues) throw tooMany('', limit);
    answer = json === null || typeof json !== 'object' ? json : container(json);
    return answer;
  };

  /** @returns `undefined` when its reading has begun. */
  const container = (json: Node | Json[]): unknown => {
    const isTagged = !Array.isArray(json) && Object.hasOwn(json, '$');
    if (isTagged && json.$ === 'ref') return resolve(json);
    if (open.length >= MAX_DEPTH + PRIMITIVE_NODE) throw tooDeep('');
    if (!isTagged) return begin(Array.isArray(json) ? readItems(json, decoder) : readEntries(json, decoder));
    const tag = readers.get(json.$);
    if (tag === undefined) {
      throw badPayload(`a tag ${JSON.stringify(json.$)?.slice(0, 60)} that this version does not know`);
    }
    return tag.read === undefined ? tag.decode(json, decoder) : begin(tag.read(json, decoder));
  };

  const begin = (reading: Reading): undefined => {
    open.push(reading);
  };

  const resolve = (node: Node): object => {
    const object = objects[countField(node, 'v', maxValues)];
    if (object === undefined) throw badPayload('a reference to an object that is not there');
    return object;
  };

  const keep = <T extends object>(object: T): T => {
    objects.push(object);
    return object;
  };

  const decoder: Decoder = {
    value,
    count: () => {
      nodes += 1;
    },
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
      if (secrets === undefined) throw notHere(scope);
      return decode(unpackPayload(secrets.open(scope, bytes)), { limit, secrets });
    },
  };

  value(tree);
  for (let reading = open.at(-1); reading !== undefined; reading = open.at(-1)) {
    // What was asked for is either here already, or its reading is the one on top, which is not given anything.
    const step = reading.next(answer);
    if (step.done !== true) continue;
    open.pop();
    answer = step.value;
  }
  reader.finish();
  return answer;
}

/** What stands in JSON as it is: the parsed list or object becomes the value. */
function* readItems(list: Json[], decoder: Decoder): Reading {
  const decoded: unknown[] = decoder.keep(list);
  for (let i = 0; i < list.length; i += 1) decoded[i] = decoder.value(list[i] ?? null) ?? (yield);
  return decoded;
}

function* readEntries(node: Node, decoder: Decoder): Reading {
  decoder.keep(node);
  for (const key of Object.keys(node)) {
    const child = node[key] ?? null;
    // Only what may need another form is set again.
    if (typeof child === 'object' && child !== null) setOwn(node, key, decoder.value(child) ?? (yield));
    else decoder.count();
  }
  return node;
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
