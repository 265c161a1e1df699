/** Tables for an 80-column terminal: columns are as wide as their content, the widest one gives way. */
import { styleText } from 'node:util';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | number;
  readonly align?: 'right';
}

const GAP = 2;

/** @returns the lines of the table; cells that do not fit end in an ellipsis. */
export const renderTable = <Row>(columns: readonly Column<Row>[], rows: readonly Row[], width = process.stdout.columns ?? 80): string[] => {
  const cells = rows.map((row) => columns.map((c) => String(c.value(row))));
  const widths = columns.map((c, i) => Math.max(c.title.length, ...cells.map((r) => (r[i] ?? '').length)));
  let excess = widths.reduce((sum, w) => sum + w + GAP, -GAP) - width;
  while (excess > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    const cut = Math.min(excess, Math.max(1, (widths[widest] ?? 0) - 8));
    if ((widths[widest] ?? 0) <= 8) break;
    widths[widest] = (widths[widest] ?? 0) - cut;
    excess -= cut;
  }
  const line = (values: readonly string[]): string =>
    values
      .map((value, i) => fit(value, widths[i] ?? 0, columns[i]?.align === 'right'))
      .join(' '.repeat(GAP))
      .trimEnd();
  return [styleText('bold', line(columns.map((c) => c.title))), ...cells.map(line)];
};

const fit = (value: string, width: number, right: boolean): string => {
  const cut = value.length > width ? `${value.slice(0, Math.max(0, width - 1))}…` : value;
  return right ? cut.padStart(width) : cut.padEnd(width);
};
