/**
 * JSON as it stands in Redis. Whoever may write there may have damaged it, and another version may have written it in its own
 * way: what is no record of its kind is reported and skipped, and the records beside it are read as ever.
 */
export type Fields = Readonly<Record<string, unknown>>;

/** A record that could not be read, named so that it can be found and removed. */
export interface DamagedRecord {
  /** For people: `schedule "nightly" of pool "main"`. */
  readonly what: string;
  readonly key: string;
  /** Where `key` is a hash. */
  readonly field?: string;
}

export type OnDamage = (record: DamagedRecord) => void;

/** @returns the object in a JSON text; `undefined` for everything else. Never throws. */
export const parseObject = (text: unknown): Fields | undefined => {
  if (typeof text !== 'string') return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
};

/** Whether every one of these fields is a finite number. */
export const haveNumbers = (fields: Fields, names: readonly string[]): boolean =>
  names.every((name) => Number.isFinite(fields[name]));

/** @returns the number in a field; 0 for what is absent, no number, or not finite: sums and bounds must not hang on it */
export const finite = (value: unknown): number => {
  const number = Number(value ?? 0);
  return Number.isFinite(number) ? number : 0;
};

/** Most records that are remembered as reported; more damage than that is told again. */
const MOST_TOLD = 1_000;

/** Logs each damaged record once. @param logger of pino, or like it */
export const damageLog = (logger: { warn(fields: object, message: string): void }): OnDamage => {
  const told = new Set<string>();
  return ({ what, key, field }) => {
    const id = `${key} ${field ?? ''}`;
    if (told.has(id)) return;
    if (told.size >= MOST_TOLD) told.clear();
    told.add(id);
    logger.warn({ key, field }, `a record in Redis is damaged and is skipped: ${what}. ${removalOf({ key, field })}`);
  };
};

/** @returns the sentence that says how to get rid of it */
export const removalOf = ({ key, field }: { readonly key: string; readonly field?: string | undefined }): string =>
  field === undefined
    ? `Write it again, or remove it: DEL ${show(key)}`
    : `Write it again, or remove it: HDEL ${show(key)} ${show(field)}`;

const show = (text: string): string => JSON.stringify(text.slice(0, 300));
