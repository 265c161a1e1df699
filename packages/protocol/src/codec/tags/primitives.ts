/** Primitive values that JSON has no words for. */
import { field, textField } from '../fields.ts';
import { MAX_BIGINT_DIGITS } from '../limits.ts';
import { badPayload } from '../refusal.ts';
import type { Node } from '../types.ts';

interface PrimitiveTag<T> {
  readonly name: string;
  encode(value: T): Node;
  decode(node: Node): T;
}

export const undefinedTag: PrimitiveTag<undefined> = {
  name: 'undef',
  encode: () => ({ $: 'undef' }),
  decode: () => undefined,
};

const oddNumbers: ReadonlyMap<unknown, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['-0', -0],
]);

/** The four numbers that JSON turns into others. */
export const numberTag: PrimitiveTag<number> = {
  name: 'num',
  encode: (value) => ({ $: 'num', v: Object.is(value, -0) ? '-0' : String(value) }),
  decode(node) {
    const value = oddNumbers.get(field(node, 'v'));
    if (value === undefined) throw badPayload('an unknown number');
    return value;
  },
};

const BIGINT_BOUND = 10n ** BigInt(MAX_BIGINT_DIGITS);
const BIGINT = new RegExp(`^(?:0|-?[1-9]\\d{0,${MAX_BIGINT_DIGITS - 1}})$`);

/** Comparing is cheap at any size; writing digits is not. */
export const isHugeBigInt = (value: bigint): boolean => value >= BIGINT_BOUND || value <= -BIGINT_BOUND;

export const bigintTag: PrimitiveTag<bigint> = {
  name: 'BigInt',
  encode: (value) => ({ $: 'BigInt', v: value.toString() }),
  decode(node) {
    const digits = textField(node, 'v');
    if (!BIGINT.test(digits)) throw badPayload('a BigInt that is no whole number or has too many digits');
    return BigInt(digits);
  },
};
