/** `flame costs`: what machines have cost, by whose their time was and by function. */
import type { Cost, PoolCosts } from '@flamejs/dashboard/operations';
import { Command } from 'commander';
import { say, sayJson, sayTable } from '../output/print.ts';
import { paint } from '../output/style.ts';
import type { Column } from '../output/table.ts';
import { optionsOf, withOperations } from '../with-operations.ts';

export const costsCommand = (): Command =>
  new Command('costs')
    .argument('[pool...]', 'these pools only')
    .option('--json', 'print it as JSON: milliseconds and dollars')
    .action((names: string[], _options: object, command: Command) =>
      withOperations(command, async (operations) => {
        const pools = names.length > 0 ? names : await operations.poolNames();
        const costs: PoolCosts[] = [];
        for (const pool of pools) costs.push(await operations.costs(pool));
        if (optionsOf<{ json?: boolean }>(command).json === true) return sayJson(costs);
        sayTable(COLUMNS, costs.flatMap(rowsOf), 'The config has no pools.');
        if (costs.some(({ total }) => total.unpricedMs > 0)) {
          say();
          say(paint('dim', 'Hours without a price are of machines that no price list has: set `price` of their pool.'));
        }
      }),
    );

interface Row extends Cost {
  readonly pool: string;
  readonly what: string;
}

const rowsOf = ({ pool, total, purposes, functions }: PoolCosts): readonly Row[] => [
  { pool, what: 'all', ...total },
  ...Object.entries(purposes)
    .filter(([, { ms }]) => ms > 0)
    .map(([purpose, cost]) => ({ pool: '', what: purpose, ...cost })),
  ...functions.map(({ name, ...cost }) => ({ pool: '', what: `  ${name}`, ...cost })),
];

const COLUMNS: readonly Column<Row>[] = [
  { title: 'POOL', value: (row) => row.pool, whole: true },
  { title: 'TIME OF', value: (row) => row.what },
  { title: 'MACHINE-HOURS', value: (row) => (row.ms / 3_600_000).toFixed(2), align: 'right' },
  { title: 'COST', value: (row) => money(row.dollars), align: 'right' },
  {
    title: 'WITHOUT A PRICE',
    value: (row) => (row.unpricedMs > 0 ? `${(row.unpricedMs / 3_600_000).toFixed(2)} h` : ''),
    align: 'right',
  },
];

/** Cents of a call are worth their digits; dollars are not. */
export const money = (dollars: number | null): string => {
  if (dollars === null) return 'no price';
  return `$${dollars.toFixed(dollars === 0 || dollars >= 1 ? 2 : 6)}`;
};
