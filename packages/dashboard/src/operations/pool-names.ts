/** Which pools there are: those of the config, and those that were taken out of it and of which something is left. */

import { readKnownPools } from '@flamejs/protocol';
import { noSuchPool } from '@flamejs/protocol/suggest';
import { FlameConfigError } from '@flamejs/queue';
import type { Link } from './link.ts';

/** @returns those of the config first, in its order */
export const readPoolNames = async ({ client, app, config }: Link): Promise<readonly string[]> => {
  const configured = Object.keys(config.pools);
  const known = await readKnownPools(client, app);
  return [...configured, ...known.filter((name) => !Object.hasOwn(config.pools, name))];
};

/** @returns the name @throws FlameConfigError when neither the config nor Redis has such a pool */
export const checkPoolName = async (link: Link, pool: string): Promise<string> => {
  if (Object.hasOwn(link.config.pools, pool)) return pool;
  const names = await readPoolNames(link);
  if (names.includes(pool)) return pool;
  const message = noSuchPool(pool, names, link.config.app);
  throw new FlameConfigError(message, { problems: [{ path: 'pool', message }] });
};
