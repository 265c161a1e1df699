/** Sizes as users write them, in bytes inside. Binary units, as memory is measured: 1 KB is 1,024 bytes. */
import { FlameConfigError } from './errors/input-errors.ts';
import { no, type Parsed, show, yes } from './parsed.ts';

export type ByteUnit = 'B' | 'KB' | 'MB' | 'GB';

/** Bytes as a number, or a string such as `'512KB'`, `'16MB'`, `'1.5GB'` (1 KB = 1,024 bytes). */
export type Bytes = number | `${number}${ByteUnit}` | `${number} ${ByteUnit}`;

const UNIT: Readonly<Record<ByteUnit, number>> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 };
const PATTERN = /^(\d+(?:\.\d+)?) ?(B|KB|MB|GB)$/;
const EXPECTED = "a number of bytes or a string such as '512KB', '16MB', '1GB'";

/** @returns whole bytes, or the problem. */
export const readBytes = (input: unknown): Parsed<number> => {
  const match = typeof input === 'string' ? PATTERN.exec(input) : null;
  const bytes = match === null ? input : Number(match[1]) * UNIT[match[2] as ByteUnit];
  if (typeof bytes !== 'number') return no(`expected ${EXPECTED}, got ${show(input)}`);
  if (!(bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER)) {
    return no(`must be a finite size that is not negative, got ${show(input)}`);
  }
  return yes(Math.round(bytes));
};

/**
 * @returns whole bytes.
 * @throws FlameConfigError for anything else than a finite size of 0 or more; `name` is the path it reports.
 */
export const parseBytes = (input: Bytes, name = 'size'): number => {
  const parsed = readBytes(input);
  if (parsed.ok) return parsed.value;
  throw new FlameConfigError(`${name} ${parsed.message}`, { problems: [{ path: name, message: parsed.message }] });
};

/** @returns text for people with at most one decimal: `12 B`, `1.5 KB`, `16 MB`. */
export const formatBytes = (bytes: number): string => {
  for (const unit of ['GB', 'MB', 'KB'] as const) {
    if (bytes >= UNIT[unit]) return `${Math.round((bytes / UNIT[unit]) * 10) / 10} ${unit}`;
  }
  return `${bytes} B`;
};
