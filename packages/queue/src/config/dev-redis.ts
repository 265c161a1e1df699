/** The Redis that `flame dev` has started for an application: how every other process of the application finds it. */
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isWorkingIn, livingPid } from '@flamejs/protocol/process-identity';

/** What the file says. Only its maker's user can read and write it. */
export interface DevRedisRecord {
  readonly port: number;
  /** `<pid>@<start time>` of the server. */
  readonly server: string;
  /** `<pid>@<start time>` of the `flame dev` that ends it. */
  readonly owner: string;
}

export interface DevRedisPlaces {
  readonly folder: string;
  /** Where the server keeps its data, and works. */
  readonly data: string;
  readonly record: string;
}

/**
 * @param root of the config, which may stand in a folder of its package, as compiled code does.
 * @returns where it is kept: `.flame` of the package
 */
export const devRedisPlaces = (root: string): DevRedisPlaces => {
  const folder = join(packageFolder(root), '.flame');
  return { folder, data: join(folder, 'redis'), record: join(folder, 'dev-redis.json') };
};

/** @returns the one that runs for an application. */
export const findDevRedis = (root: string): DevRedisRecord | undefined => readDevRedis(devRedisPlaces(root));

const packageFolder = (root: string): string => {
  for (let folder = root; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
  }
  return root;
};

/** @returns nothing when the server is gone, or when somebody else can have written the file. */
export const readDevRedis = (places: DevRedisPlaces): DevRedisRecord | undefined => {
  try {
    const { uid, mode } = lstatSync(places.record);
    const user = process.getuid?.();
    if (user !== undefined && (uid !== user || (mode & 0o777) !== 0o600)) return undefined;
    const record = JSON.parse(readFileSync(places.record, 'utf8')) as DevRedisRecord;
    return serverOf(record, places) === undefined ? undefined : record;
  } catch {
    return undefined;
  }
};

/** @returns its pid when it lives and is provably the one that was started for this record. */
export const serverOf = ({ port, server }: DevRedisRecord, { data }: DevRedisPlaces): number | undefined => {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  const pid = livingPid(String(server));
  return pid !== undefined && isWorkingIn(pid, data) ? pid : undefined;
};

export const devRedisUrl = ({ port }: Pick<DevRedisRecord, 'port'>): string => `redis://127.0.0.1:${port}`;
