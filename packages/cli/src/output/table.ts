/** Tables for an 80-column terminal: columns are as wide as their content, the widest one gives way. */
import { oneLine } from './plain-text.ts';
import { paint } from './style.ts';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | number;
  readonly align?: 'right';
  /** Never cut: ids, which people copy. */
  readonly whole?: boolean;
}

const GAP = 2;
const NARROWEST = 8;

/** @returns the lines of the table; cells that do not fit end in an ellipsis. */
export const renderTable = <Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width = process.stdout.columns ?? 80,
): string[] => {
  const cells = rows.map((row) => columns.map((column) => oneLine(String(column.value(row)))));
  const widths = fitWidths(
    columns.map((c, i) => ({
      width: Math.max(c.title.length, ...cells.map((r) => (r[i] ?? '').length)),
      whole: c.whole === true,
    })),
    width,
  );
  const line = (values: readonly string[]): string =>
    values
      .map((value, i) => fit(value, widths[i] ?? 0, columns[i]?.align === 'right'))
      .join(' '.repeat(GAP))
      .trimEnd();
  return [paint('bold', line(columns.map((c) => c.title))), ...cells.map(line)];
};

const fitWidths = (wanted: readonly { width: number; whole: boolean }[], width: number): readonly number[] => {
  const widths = wanted.map((column) => column.width);
  let excess = widths.reduce((sum, w) => sum + w + GAP, -GAP) - width;
  while (excess > 0) {
    const cuttable = widths.map((w, i) => (wanted[i]?.whole ? 0 : w));
    const widest = cuttable.indexOf(Math.max(...cuttable));
    const has = cuttable[widest] ?? 0;
    if (has <= NARROWEST) break;
    const second = Math.max(NARROWEST, ...cuttable.filter((_, i) => i !== widest && (cuttable[i] ?? 0) < has));
    const cut = Math.min(excess, Math.max(1, has - second));
    widths[widest] = has - cut;
    excess -= cut;
  }
  return widths;
};

const fit = (value: string, width: number, right: boolean): string => {
  const cut = value.length > width ? `${value.slice(0, Math.max(0, width - 1))}…` : value;
  return right ? cut.padStart(width) : cut.padEnd(width);
};
