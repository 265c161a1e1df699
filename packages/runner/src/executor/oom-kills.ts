/**
 * The kernel's own count of processes that it has killed for want of memory in this cgroup: what tells a call that used too much from one
 * whose executor somebody else has killed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface OomKills {
  /** Bytes that this process and all that it starts may use together; `undefined` for no limit, or when it cannot be known. */
  readonly limitBytes: number | undefined;
  /** Asked when an executor was killed from outside: whether the kernel did it, a moment ago. Each kill answers once. */
  take(): boolean;
  stop(): void;
}

/** Where the kernel shows them, and what this process belongs to. */
export interface CgroupSource {
  /** Text of `/proc/self/cgroup`. */
  readonly membership: string;
  readonly root: string;
}

/** A kill that nobody has asked for by then was that of a child, and explains no later end of an executor. */
const FRESH_MS = 2_000;
const LOOK_EVERY_MS = 1_000;

/** @returns a watch that never says yes where there is no cgroup with a count. */
export const watchOomKills = (source = ownCgroup(), now: () => number = () => performance.now()): OomKills => {
  const files = source === undefined ? undefined : filesOf(source);
  let seen = files === undefined ? 0 : killsIn(files.count);
  let open = 0;
  let openAt = Number.NEGATIVE_INFINITY;
  const look = (): void => {
    if (files === undefined) return;
    const count = killsIn(files.count);
    if (now() - openAt > FRESH_MS) open = 0;
    if (count <= seen) return;
    open += count - seen;
    openAt = now();
    seen = count;
  };
  const timer = files === undefined ? undefined : setInterval(look, LOOK_EVERY_MS).unref();
  return {
    limitBytes: files === undefined ? undefined : limitOf(files.folder, files.limit, source?.root ?? ''),
    take: () => {
      look();
      if (open === 0) return false;
      open -= 1;
      return true;
    },
    stop: () => clearInterval(timer),
  };
};

const ownCgroup = (): CgroupSource | undefined => {
  try {
    return { membership: readFileSync('/proc/self/cgroup', 'utf8'), root: '/sys/fs/cgroup' };
  } catch {
    return undefined; // no Linux
  }
};

interface CgroupFiles {
  readonly folder: string;
  readonly count: string;
  /** Name of the file with the limit, in the folder and those above it. */
  readonly limit: string;
}

/** The first version counts by controller, the second has one tree; both may be mounted. In a container the path may be the host's. */
const filesOf = ({ membership, root }: CgroupSource): CgroupFiles | undefined => {
  for (const line of membership.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    const first = controllers.split(',').includes('memory');
    if (!first && controllers !== '') continue;
    const base = first ? join(root, 'memory') : root;
    const name = first ? 'memory.oom_control' : 'memory.events';
    const folder = [join(base, path), base].find((each) => existsSync(join(each, name)));
    if (folder !== undefined)
      return { folder, count: join(folder, name), limit: first ? 'memory.limit_in_bytes' : 'memory.max' };
  }
  return undefined;
};

const killsIn = (file: string): number => {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(file, 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
};

/** More than any machine has: how the first version says that there is none. */
const UNLIMITED = 2 ** 60;

/** The narrowest of the folder's own and those above it. */
const limitOf = (folder: string, name: string, root: string): number | undefined => {
  let limit = UNLIMITED;
  for (let at = folder; at.startsWith(root) && at !== dirname(at); at = dirname(at)) {
    try {
      const own = Number(readFileSync(join(at, name), 'latin1'));
      if (own > 0) limit = Math.min(limit, own);
    } catch {
      // The tree's root has none.
    }
  }
  return limit < UNLIMITED ? limit : undefined;
};
