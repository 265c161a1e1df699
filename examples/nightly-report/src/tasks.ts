import { appendFile } from 'node:fs/promises';
import { flame } from './flame.ts';

/** What a night's report would read from a database. */
const orders = [1_990, 4_200, 990];

/**
 * Nobody waits for the result of a scheduled call, so the function delivers it itself: by mail, into a table; here into a
 * file, which is enough while runners are on this machine.
 */
export const report = flame.fn('report', { retries: 2, backoff: '1s' }, async (file: string): Promise<void> => {
  const total = orders.reduce((sum, cents) => sum + cents, 0);
  flame.context().log(`a report over ${orders.length} orders`);
  await appendFile(file, `${new Date().toISOString()}  ${orders.length} orders, ${total / 100} euros\n`);
});
