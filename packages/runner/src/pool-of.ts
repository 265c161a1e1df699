/** Which pool a runner serves. */
import { noSuchPool } from '@flamejs/protocol/suggest';
import type { AppConfig, PoolConfig } from '@flamejs/queue';
import { FlameConfigError } from '@flamejs/queue/errors';

/**
 * @param name the only pool unless given
 * @throws FlameConfigError when there is no such pool, or none is named and there are several.
 */
export const poolOf = ({ pools }: AppConfig, name: string | undefined): PoolConfig => {
  const names = Object.keys(pools);
  const wanted = name || (names.length === 1 ? names[0] : undefined);
  if (wanted !== undefined && Object.hasOwn(pools, wanted)) return pools[wanted] as PoolConfig;
  const message =
    wanted === undefined
      ? `the config has several pools (${names.join(', ')}): set FLAME_POOL to the one that this runner serves`
      : noSuchPool(wanted, names);
  throw new FlameConfigError(`runner: ${message}`, { problems: [{ path: 'FLAME_POOL', message }] });
};
