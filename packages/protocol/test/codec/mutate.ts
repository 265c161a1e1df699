/** A seeded mutator of valid payloads. The same seed gives the same payloads, in the same order. */
import { type Payload, packPayload, unpackPayload } from '../../src/codec/index.ts';
import { FlameCodecError } from '../../src/errors/index.ts';
import { payloadOf, samples } from './samples.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
interface Place {
  readonly holder: Json[] | { [key: string]: Json };
  readonly key: string;
}

/** @returns a function that makes the next mutated payload. */
export function mutator(seed: number): () => Payload {
  const random = mulberry32(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const corpus = samples.map(payloadOf).filter(({ json }) => json.length < 6000);
  const tagNames = [
    ...new Set(corpus.flatMap(({ json }) => [...json.matchAll(/"\$":"(\w+)"/g)].map(([, tag]) => tag ?? ''))),
  ];

  const nasty: readonly (() => Json)[] = [
    () => null,
    () => pick([true, false]),
    () => pick([0, -1, 1, 0.5, 255, 65_537, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53, -(2 ** 53), 1e308]),
    () =>
      pick([
        '',
        '$',
        '__proto__',
        'constructor',
        'prototype',
        'length',
        'toString',
        'then',
        'NaN',
        '0',
        '-0',
        'https://[',
        '2024-13-45',
      ]),
    () =>
      pick([
        'AAAA',
        'AAA',
        '====',
        '(?:',
        '(a+)+$',
        '9'.repeat(5000),
        '\ud800',
        '\0',
        'x'.repeat(3000),
        '[].constructor',
      ]),
    () => [],
    () => ({}),
    () => [[1, 2], [3], 'x'],
    () => ({ $: 'ref', v: pick([0, 1, 2, 5, -1, 0.5, 1e9]) }),
    () => ({
      $: pick(tagNames),
      v: pick<Json>([0, '', [], {}, null, [[]], [[1, 2]]]),
      n: pick([0, 1, 3, 2 ** 32]),
      p: 0,
    }),
    () => deep(below(1200), pick(['[', '{'])),
    () => structuredClone(pick(corpusTrees)),
  ];
  const corpusTrees = corpus.map(({ json }) => JSON.parse(json) as Json);

  const changes: readonly ((place: Place) => void)[] = [
    ({ holder, key }) => put(holder, key, pick(nasty)()),
    ({ holder, key }) => put(holder, key, pick(nasty)()),
    ({ holder, key }) => put(holder, key, { $: pick(tagNames), v: get(holder, key) }),
    ({ holder, key }) => put(holder, key, [get(holder, key), get(holder, key)]),
    ({ holder, key }) => put(holder, key, { $: 'Obj', v: [[pick(nastyKeys), get(holder, key)]] }),
    ({ holder, key }) => {
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
    },
    ({ holder, key }) => {
      if (Array.isArray(holder)) holder.splice(below(holder.length + 1), 0, get(holder, key));
      else put(holder, pick(nastyKeys), get(holder, key));
    },
    ({ holder }) => {
      if (!Array.isArray(holder) && Object.hasOwn(holder, '$')) holder.$ = pick(tagNames);
    },
    ({ holder, key }) => {
      const value = get(holder, key);
      if (typeof value === 'number') put(holder, key, pick([value + 1, value - 1, -value, value * 1000, value / 3]));
      if (typeof value === 'string') put(holder, key, twist(value));
    },
  ];

  const twist = (text: string): string => {
    const at = below(text.length + 1);
    return (
      text.slice(0, at) + pick(['', 'A', '"', '\\', '\u0000', '9', '=', '\ud83d', '(', '$']) + text.slice(at + below(3))
    );
  };

  const mutateParts = (parts: readonly Uint8Array[]): Uint8Array[] => {
    const copy = [...parts];
    const at = below(copy.length + 1);
    switch (below(4)) {
      case 0:
        copy.splice(at, 1);
        break;
      case 1:
        copy.splice(at, 0, new Uint8Array(below(700)));
        break;
      case 2:
        copy[at] = (copy[at] ?? new Uint8Array(9)).subarray(0, below(600));
        break;
      default:
        copy.reverse();
    }
    return copy;
  };

  const mutateFrame = (payload: Payload): Payload | undefined => {
    const frame = packPayload(payload);
    for (let i = below(3); i >= 0; i -= 1) frame[below(frame.length)] = below(256);
    try {
      return unpackPayload(below(4) === 0 ? frame.subarray(0, below(frame.length)) : frame);
    } catch (error) {
      if (error instanceof FlameCodecError) return undefined;
      throw error;
    }
  };

  /** Mostly the shorter of two: what a mutation breaks does not depend on size, and long ones take most of the time. */
  const pickPayload = (): Payload => {
    const [one, other] = [pick(corpus), pick(corpus)];
    return below(4) > 0 && other.json.length < one.json.length ? other : one;
  };

  return () => {
    const seedPayload = pickPayload();
    if (below(10) === 0) return mutateFrame(seedPayload) ?? { json: twist(seedPayload.json), parts: [] };
    if (below(10) === 0) return { json: twist(twist(seedPayload.json)), parts: seedPayload.parts };
    const root: { [key: string]: Json } = { root: JSON.parse(seedPayload.json) as Json };
    // Looked for once: a change may cut off the place of a later one, which then changes nothing.
    const places = placesIn(root);
    for (let i = below(4); i >= 0; i -= 1) pick(changes)(pick(places));
    const json = JSON.stringify(root.root ?? null);
    return {
      json,
      parts: below(6) === 0 ? mutateParts(seedPayload.parts) : seedPayload.parts.map((part) => part.slice()),
    };
  };
}

const nastyKeys = [
  '__proto__',
  'constructor',
  'prototype',
  '$',
  'v',
  'n',
  'p',
  'length',
  '0',
  '-1',
  '4294967295',
  'toString',
  'toJSON',
  'then',
  'stack',
  'name',
  'message',
  'cause',
  'errors',
  'x',
  't',
  'c',
  'b',
];

function placesIn(root: { [key: string]: Json }): Place[] {
  const places: Place[] = [];
  const stack: Place['holder'][] = [root];
  // Mutations nest deeply at times: no recursion here, and no more places than can matter.
  while (stack.length > 0 && places.length < 400) {
    const holder = stack.pop() ?? root;
    for (const key of Object.keys(holder)) {
      places.push({ holder, key });
      const child = get(holder, key);
      if (typeof child === 'object' && child !== null) stack.push(child);
    }
  }
  return places;
}

function get(holder: Place['holder'], key: string): Json {
  const value: unknown = Object.getOwnPropertyDescriptor(holder, key)?.value;
  return (value ?? null) as Json;
}

/** As an own property, also for `__proto__`. */
function put(holder: Place['holder'], key: string, value: Json): void {
  Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true });
}

function deep(levels: number, bracket: string): Json {
  let value: Json = 1;
  for (let i = 0; i < levels; i += 1) value = bracket === '[' ? [value] : { v: value };
  return value;
}

/** A small generator of random numbers with a seed. */
export function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
