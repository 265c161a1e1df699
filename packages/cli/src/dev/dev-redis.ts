/** A Redis of one's own for development, when none is given: loopback, a free port, data kept in `.flame/redis`. */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { instanceIdOf, livingPid, startTimeOf } from '@flamejs/protocol/process-identity';
import {
  type DevRedisPlaces,
  type DevRedisRecord,
  devRedisPlaces,
  devRedisUrl,
  readDevRedis,
  serverOf,
} from '@flamejs/queue/internal';
import { answers } from '../probe-redis.ts';
import { configOf, startServer } from './start-redis.ts';

export interface DevRedis {
  readonly url: string;
  /** Another `flame dev` has started it and will end it. */
  readonly isJoined: boolean;
  stop(): Promise<void>;
}

const PROBE_MS = 500;

/**
 * Starts one, or joins the one that already serves this folder: two servers on the same data would destroy it.
 * Every process of the application finds it, as long as it lives, by a file that only this user reads.
 * @param root of the config. @throws FlameConfigError when no server program is on PATH
 */
export const startDevRedis = async (root: string): Promise<DevRedis> => {
  const places = devRedisPlaces(root);
  const { folder, data, record: file } = places;
  await mkdir(data, { recursive: true, mode: 0o700 });
  // Whatever the application ignores: what is in here is for nobody else.
  await writeFile(join(folder, '.gitignore'), '*\n');
  const left = await findRunning(places);
  if (left !== undefined) return left;

  const server = await startServer(data);
  await write(file, { port: server.port, server: identityOf(server.pid), owner: identityOf(process.pid) });
  return {
    url: server.url,
    isJoined: false,
    async stop() {
      await server.stop();
      await rm(file, { force: true });
    },
  };
};

const identityOf = (pid = 0): string => instanceIdOf(pid, startTimeOf(pid) ?? 'gone');

/** A new file under a new name first: nobody reads half of one, nor through a link that stood there. */
const write = async (file: string, record: DevRedisRecord): Promise<void> => {
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify(record), { mode: 0o600, flag: 'wx' });
  await rename(draft, file);
};

/** One that another `flame dev` uses is left to it; one whose owner was killed ends with us. */
const findRunning = async (places: DevRedisPlaces): Promise<DevRedis | undefined> => {
  const record = readDevRedis(places);
  if (record === undefined) return undefined;
  const url = devRedisUrl(record);
  if (!(await answers(configOf(url), PROBE_MS))) return undefined;
  if (livingPid(record.owner) !== undefined) return { url, isJoined: true, stop: async () => undefined };
  return {
    url,
    isJoined: false,
    async stop() {
      // Looked at again: by now its pid may be another process's.
      const pid = serverOf(record, places);
      if (pid !== undefined) process.kill(pid, 'SIGTERM');
      await rm(places.record, { force: true });
    },
  };
};
