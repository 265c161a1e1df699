/** Tables for an 80-column terminal: columns are as wide as their content, the widest one gives way. */
import { oneLine } from './plain-text.ts';
import { paint } from './style.ts';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | number;
  readonly align?: 'right';
  /** Never cut: ids, which people copy. */
  readonly whole?: boolean;
  /** What a row is about, in words: where it does not fit beside the others it stands below them, in full. */
  readonly words?: boolean;
}

const GAP = 2;
const NARROWEST = 8;

/** @returns the lines of the table; cells that do not fit end in an ellipsis, or stand below their row. */
export const renderTable = <Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width = process.stdout.columns ?? 80,
): string[] => {
  const all = rows.map((row) => columns.map((column) => oneLine(String(column.value(row)))));
  const below = columns.findIndex((column, i) => column.words === true && !fits(columns, all, i, width));
  const beside = <T>(values: readonly T[]): readonly T[] => values.filter((_, i) => i !== below);
  const shown = beside(columns);
  const cells = all.map(beside);
  const widths = fitWidths(
    shown.map((c, i) => ({
      width: Math.max(c.title.length, ...cells.map((r) => (r[i] ?? '').length)),
      whole: c.whole === true,
    })),
    width,
  );
  const line = (values: readonly string[]): string =>
    values
      .map((value, i) => fit(value, widths[i] ?? 0, shown[i]?.align === 'right'))
      .join(' '.repeat(GAP))
      .trimEnd();
  const lines = cells.map((values, i) => [line(values), ...wrapped(all[i]?.[below] ?? '', width)]);
  return [paint('bold', line(shown.map((c) => c.title))), ...lines.flat()];
};

/** Whether a column has the room that it needs when nothing else is cut. */
const fits = <Row>(
  columns: readonly Column<Row>[],
  cells: readonly (readonly string[])[],
  at: number,
  width: number,
): boolean => {
  const widest = (i: number): number =>
    Math.max(columns[i]?.title.length ?? 0, ...cells.map((r) => (r[i] ?? '').length));
  const others = columns.reduce((sum, _, i) => sum + (i === at ? 0 : widest(i) + GAP), 0);
  return others + widest(at) <= width;
};

const INDENT = '    ';
/** Of one cell below its row. */
const MOST_LINES = 4;

const wrapped = (text: string, width: number): readonly string[] => {
  const room = Math.max(NARROWEST, width - INDENT.length);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((long) => long.match(new RegExp(`.{1,${room}}`, 'gu')) ?? [])) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  if (line !== '') lines.push(line);
  const kept = lines.slice(0, MOST_LINES);
  if (lines.length > MOST_LINES) kept.push(`${kept.pop()?.slice(0, room - 1) ?? ''}…`);
  return kept.map((each) => paint('dim', `${INDENT}${each}`));
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
