/** Where commands write: results to stdout, for people or as JSON for scripts. */
import { type Column, renderTable } from './table.ts';

export const say = (line = ''): void => void process.stdout.write(`${line}\n`);

export const sayJson = (value: unknown): void => say(JSON.stringify(value, null, 2));

/** @param none what stands in the place of an empty table */
export const sayTable = <Row>(columns: readonly Column<Row>[], rows: readonly Row[], none: string): void => {
  if (rows.length === 0) say(none);
  else for (const line of renderTable(columns, rows)) say(line);
};

/** Names and values below each other; empty values are left out. */
export const sayFacts = (facts: readonly (readonly [name: string, value: string | number])[]): void => {
  const shown = facts.filter(([, value]) => value !== '');
  const width = Math.max(...shown.map(([name]) => name.length));
  for (const [name, value] of shown) say(`${name.padEnd(width)}  ${value}`);
};
