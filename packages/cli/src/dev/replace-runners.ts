/** Runners that have loaded what is no longer on the disk make room for others; the calls that they have go on. */
import { relative } from 'node:path';
import type { Operations } from '@flamejs/dashboard/operations';

/** @returns how many were told to go. Those that somebody has started by hand are his. */
export const replaceRunners = async (
  operations: Operations,
  root: string,
  files: readonly string[],
): Promise<number> => {
  const [first = ''] = files;
  const more = files.length > 1 ? ` and ${files.length - 1} more` : '';
  const reason = `${relative(root, first)}${more} changed`;
  const runners = await operations.runners();
  const told = await Promise.all(
    runners.map(({ pool, runnerId }) => operations.act.drain(pool, runnerId, { by: 'flame dev', reason })),
  );
  // Calls that wait for modules which can be loaded now are looked at again.
  for (const pool of await operations.poolNames()) operations.act.kick(pool);
  return told.filter((result) => result === 'ordered').length;
};
