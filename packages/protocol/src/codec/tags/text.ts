/** Built-in objects that a short text describes: dates, patterns, addresses, boxed primitives. */
import { field, textField } from '../fields.ts';
import { MAX_PATTERN } from '../limits.ts';
import { badPayload } from '../refusal.ts';
import type { LeafTag, TreeTag } from '../types.ts';

const ISO_DATE = /^(?:\d{4}|[+-]\d{6})-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

export const dateTag: LeafTag<Date> = {
  name: 'Date',
  bare: true,
  encode(value) {
    const at = Date.prototype.getTime.call(value);
    return { $: 'Date', v: Number.isNaN(at) ? null : new Date(at).toISOString() };
  },
  decode(node, decoder) {
    if (field(node, 'v') === null) return decoder.keep(new Date(Number.NaN));
    const text = textField(node, 'v');
    const date = new Date(ISO_DATE.test(text) ? text : Number.NaN);
    if (Number.isNaN(date.getTime())) throw badPayload('a Date that is no ISO date');
    return decoder.keep(date);
  },
};

const sourceOf = Object.getOwnPropertyDescriptor(RegExp.prototype, 'source')?.get;
const flagsOf = Object.getOwnPropertyDescriptor(RegExp.prototype, 'flags')?.get;

/** As in a structured clone, `lastIndex` starts at 0 on the other side. */
export const regexpTag: LeafTag<RegExp> = {
  name: 'RegExp',
  bare: true,
  encode(value, encoder) {
    const source = String(sourceOf?.call(value));
    if (source.length > MAX_PATTERN) {
      return encoder.refuse(
        `is a regular expression of more than ${MAX_PATTERN.toLocaleString('en-US')} characters`,
        'Send its parts, and put them together where it is used.',
      );
    }
    return { $: 'RegExp', v: encoder.text(source, 'source'), f: String(flagsOf?.call(value)) };
  },
  decode(node, decoder) {
    const [source, flags] = [textField(node, 'v'), textField(node, 'f')];
    if (source.length > MAX_PATTERN || flags.length > 16) throw badPayload('a RegExp that is too long');
    // It is compiled, never run: what a pattern costs is up to who uses it.
    return decoder.keep(attempt('RegExp', () => new RegExp(source, flags)));
  },
};

export const urlTag: LeafTag<URL> = {
  name: 'URL',
  bare: true,
  encode: (value, encoder) => ({ $: 'URL', v: encoder.text(value.href, 'href') }),
  decode: (node, decoder) => {
    const href = textField(node, 'v');
    return decoder.keep(attempt('URL', () => new URL(href)));
  },
};

export const searchParamsTag: LeafTag<URLSearchParams> = {
  name: 'URLSearchParams',
  bare: true,
  encode: (value, encoder) => ({
    $: 'URLSearchParams',
    v: encoder.text(URLSearchParams.prototype.toString.call(value), 'toString()'),
  }),
  decode: (node, decoder) => decoder.keep(new URLSearchParams(textField(node, 'v'))),
};

const unboxers: ReadonlyMap<object, (box: object) => unknown> = new Map<object, (box: object) => unknown>([
  [Number.prototype, (box) => Number.prototype.valueOf.call(box)],
  [String.prototype, (box) => String.prototype.valueOf.call(box)],
  [Boolean.prototype, (box) => Boolean.prototype.valueOf.call(box)],
  [BigInt.prototype, (box) => BigInt.prototype.valueOf.call(box)],
]);

export const boxedPrototypes: readonly object[] = [...unboxers.keys()];

/** `new Number(1)` and its kind. */
export const boxTag: TreeTag = {
  name: 'Box',
  *write(value, encoder) {
    const unbox = boxedPrototypes.find((prototype) => prototype === Object.getPrototypeOf(value));
    const inner = unbox === undefined ? undefined : unboxers.get(unbox)?.(value);
    return { $: 'Box', v: encoder.put(inner, { of: 'member', at: 0 }) ?? (yield) };
  },
  *read(node, decoder) {
    const fill = decoder.reserve();
    const inner = decoder.value(field(node, 'v') ?? null) ?? (yield);
    if (!['string', 'number', 'boolean', 'bigint'].includes(typeof inner))
      throw badPayload('a Box without a primitive');
    const box: unknown = Object(inner);
    fill(box as object);
    return box;
  },
};

function attempt<T>(kind: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw badPayload(`a ${kind} that is not valid`, cause);
  }
}
