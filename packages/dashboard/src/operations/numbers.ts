/** Reading what Redis replies: flat lists to records, texts to numbers. */
import { finite } from '@flamejs/protocol';

export { parseObject } from '@flamejs/protocol';

export const toRecord = (flat: unknown): Readonly<Record<string, string>> => {
  if (!Array.isArray(flat)) return (flat ?? {}) as Readonly<Record<string, string>>;
  const record: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) record[String(flat[i])] = String(flat[i + 1]);
  return record;
};

/** @returns 0 for what is absent, no number or not finite */
export const toNumber = finite;

export const toText = (value: unknown): string => (value === null || value === undefined ? '' : String(value));
